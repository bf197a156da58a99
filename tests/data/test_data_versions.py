"""Versions of the prepared rows: every kind of change is told, and the same night again tells the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.store import StageOutput
from tasks.data.columns import example_id
from tasks.data.config import DataConfig
from tasks.data.prepare import prepare_data
from tasks.data.versions import compare_with_previous, find_changes, manifest
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=2)


def row(db_id: int, question: str, answer: str = "SELECT name FROM players") -> dict[str, Any]:
    return {
        "db_id": db_id,
        "context": f"CREATE TABLE players (id INT, name TEXT, level INT, n{db_id} INT);",
        "question": question,
        "answer": answer,
    }


HELD_OUT = row(1, "All players of the held-out game?")
FIRST = [HELD_OUT, row(2, "All players?"), row(2, "All the names?"), row(3, "Who plays?"), row(3, "Which names?")]


def prepare(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> StageOutput:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    source = {"kind": "rows", "path": str(path)}
    return prepare_data(DataConfig(sources=[source], **{"holdout_db_ids": ("1",), **changes}), SQL, folder / "store")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("versions")


@pytest.fixture(scope="module")
def first(folder: Path) -> StageOutput:
    return prepare(folder, FIRST)


def test_the_first_rows_have_nothing_before_them(first: StageOutput, folder: Path) -> None:
    assert compare_with_previous(first, folder / "store") is None
    assert compare_with_previous(first, folder / "store") is None  # nor has the same night again


def test_rows_added_removed_changed_and_moved_are_told(first: StageOutput, folder: Path) -> None:
    compare_with_previous(first, folder / "store")
    second = prepare(
        folder,
        [
            HELD_OUT,
            row(2, "All players?", "SELECT DISTINCT name FROM players"),  # another answer
            row(2, "List all the names."),  # the same answer, asked in other words
            row(3, "Which names?"),  # and "Who plays?" is gone
            row(4, "Who is there?"),
        ],
        holdout_db_ids=("1", "3"),
    )
    changes = compare_with_previous(second, folder / "store")
    assert changes is not None
    assert changes.counts == {"added": 1, "removed": 1, "changed": 2, "moved": 1}
    table = pd.read_parquet(changes.file("changes.parquet")).set_index("change")
    assert table.loc["changed: answer", "before"] == "SELECT name FROM players"
    assert table.loc["changed: question", ["question", "before"]].tolist() == ["List all the names.", "All the names?"]
    assert table.loc["moved: train -> eval", "question"] == "Which names?"
    assert table.loc["added", "question"] == "Who is there?"
    assert table.loc["removed", "question"] == "Who plays?"
    told = json.loads(changes.file("changes.json").read_text("utf-8"))
    assert told["before"] == json.loads(first.file("stage.json").read_text("utf-8"))["made"]
    assert len(told["examples"]) == 5
    again = compare_with_previous(second, folder / "store")
    assert again is not None and again.reused and again.counts == changes.counts


def test_the_manifest_says_what_the_rows_were_made_of(first: StageOutput) -> None:
    told = json.loads(first.file("manifest.json").read_text("utf-8"))
    (source,) = told["sources"]
    assert (source["name"], source["kind"], source["rows"]) == ("rows.jsonl", "rows", 5)
    assert told["counts"]["train"] == told["prepared"]["train"]["rows"] == 4
    assert told["prepared"]["eval"]["content"] != told["prepared"]["train"]["content"]
    kinds = {expectation["type"] for expectation in told["suite"]}
    assert {"expect_queries_to_be_sound", "expect_column_values_to_be_unique"} <= kinds
    assert len(told["code"]) == 20


def test_the_content_hash_knows_rows_not_their_order() -> None:
    rows = frame([("a", "x"), ("b", "y")]).assign(source="s")
    shuffled, other = rows.iloc[::-1], frame([("a", "x"), ("b", "z")]).assign(source="s")
    contents = [
        manifest([{"name": "s"}], one, one, one, [])["sources"][0]["content"] for one in (rows, shuffled, other)
    ]
    assert contents[0] == contents[1] != contents[2]


def frame(pairs: list[tuple[str, str]], split: str = "train") -> pd.DataFrame:
    lines = [
        {"db_id": "1", "context": "c", "question": question, "answer": answer, "language": "en", "split": split,
         "dialect": "mysql", "domain": "d", "example_id": example_id("1", "c", question, answer)}
        for question, answer in dict.fromkeys(pairs)
    ]  # fmt: skip
    names = ["db_id", "context", "question", "answer", "language", "split", "dialect", "domain", "example_id"]
    return pd.DataFrame(lines, columns=names, dtype="str")


pairs = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(pairs, pairs)
def test_changes_lead_from_one_version_to_the_other(one: list[tuple[str, str]], two: list[tuple[str, str]]) -> None:
    before, after = frame(one), frame(two)
    kinds = find_changes(before, after)["change"].str.split(":").str[0].value_counts()
    stayed = len(set(before["example_id"]) & set(after["example_id"]))
    assert len(before) == stayed + kinds.get("changed", 0) + kinds.get("removed", 0)
    assert len(after) == stayed + kinds.get("changed", 0) + kinds.get("added", 0)
    assert find_changes(after, after).empty
