"""The whole stage on small files: what it writes, that it is found again, and that no table of text breaks it."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.data.columns import COLUMNS, NEEDED, OPTIONAL
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.leakage import COLUMNS as LEAK_COLUMNS
from tasks.data.leakage import find_leaks
from tasks.data.prepare import prepare_data
from tasks.data.sources.read import read_rows
from tasks.data.split import draw, split_by_database
from tasks.data.validation import validate
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=3, query_timeout_s=0.5)
THINGS = {"1": "players", "2": "guilds", "3": "swords"}


def rows_of(db_id: str) -> list[dict[str, Any]]:
    thing = THINGS[db_id]
    base = {"db_id": int(db_id), "context": f"CREATE TABLE {thing} (id INT PRIMARY KEY, name VARCHAR(50), level INT);"}
    asked = {
        f"How many {thing} are there?": f"SELECT COUNT(*) FROM {thing}",
        f"모든 {thing} 이름을 보여줘": f"SELECT name FROM {thing}",
        **{f"Names of {thing} above level {n}?": f"SELECT name FROM {thing} WHERE level > {n}" for n in range(1, 5)},
    }
    return [{**base, "question": question, "answer": answer} for question, answer in asked.items()]


ROWS = [row for db_id in THINGS for row in rows_of(db_id)]
FAULTS = [
    {**ROWS[0], "question": "Nicknames?", "answer": "SELECT nickname FROM players"},
    {**ROWS[0]},
    {**rows_of("2")[0], "question": "How many  PLAYERS are there?"},  # leaked: a question of the held-out games
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def config_of(path: Path, **changes: Any) -> DataConfig:
    return DataConfig(sources=[{"kind": "rows", "path": str(path)}], holdout_db_ids=("1",), **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepare")


@pytest.fixture(scope="module")
def prepared(folder: Path) -> StageOutput:
    return prepare_data(config_of(write(folder / "rows.jsonl", ROWS + FAULTS)), SQL, folder / "store")


def test_every_row_is_accounted_for(prepared: StageOutput) -> None:
    assert prepared.counts == {
        "rows": 21,
        "left_out": 0,
        "train": 12,
        "eval": 6,
        "quarantined": 2,
        "leaked_dropped": 1,
        "near_duplicates": prepared.counts["near_duplicates"],
    }


def test_the_files_hold_what_the_other_rooms_read(prepared: StageOutput) -> None:
    train, evaluation = (pd.read_parquet(prepared.file(name)) for name in ("train.parquet", "eval.parquet"))
    assert list(train.columns) == list(evaluation.columns) == list(COLUMNS)
    assert (train.dtypes == "str").all()
    assert not train.isna().any(axis=None)
    assert set(evaluation["db_id"]) == {"1"}
    assert set(train["language"]) == {"en", "ko"}
    assert train["example_id"].is_unique
    assert set(train["source"]) == {"rows.jsonl"}


def test_the_quarantine_holds_the_line_and_the_reasons(prepared: StageOutput) -> None:
    quarantine = pd.read_parquet(prepared.file("quarantine.parquet"))
    assert quarantine["row"].tolist() == ["rows.jsonl:19", "rows.jsonl:20"]
    assert [reasons[0].split(":")[0] for reasons in quarantine["reasons"]] == [
        "unknown column",
        "duplicate of an earlier row",
    ]


def test_the_summary_adds_up(prepared: StageOutput) -> None:
    summary = json.loads(prepared.file("summary.json").read_text("utf-8"))
    assert summary["reasons"] == {"unknown column": 1, "duplicate of an earlier row": 1}
    assert summary["leaked"]["question"] == 1
    assert sum(group["rows"] for group in summary["by"]) == 18
    assert {"split": "eval", "language": "ko", "domain": "1", "complexity": "basic SQL", "rows": 1} in summary["by"]
    assert {line["reason"]: line["failed"] for line in summary["suite"]}["query is not sound"] == 1
    assert sum(group["rows"] for group in summary["before"]) == 21
    leaks = pd.read_parquet(prepared.file("leakage.parquet"))
    assert tuple(leaks.columns) == LEAK_COLUMNS
    assert leaks.loc[leaks["dropped"], ["row", "shares"]].to_numpy().tolist() == [["rows.jsonl:21", "question"]]
    assert (~leaks["dropped"]).sum() == summary["near_duplicates"]


def test_a_subset_is_all_that_a_night_sees(folder: Path) -> None:
    path = write(folder / "subset.jsonl", ROWS)
    subset = {"domains": ("1", "3"), "kinds": ("aggregation",)}
    output = prepare_data(config_of(path, subset=subset), SQL, folder / "store")
    assert (output.counts["left_out"], output.counts["train"], output.counts["eval"]) == (16, 1, 1)
    train = pd.read_parquet(output.file("train.parquet"))
    assert train["answer"].tolist() == ["SELECT COUNT(*) FROM swords"]


def test_an_unchanged_night_finds_its_rows_in_the_store(prepared: StageOutput, folder: Path) -> None:
    elsewhere = folder / "moved"
    elsewhere.mkdir(exist_ok=True)
    again = prepare_data(config_of(write(elsewhere / "rows.jsonl", ROWS + FAULTS)), SQL, folder / "store")
    assert again.reused
    assert (again.sha256, again.counts) == (prepared.sha256, prepared.counts)


def test_a_changed_row_or_setting_makes_new_rows(prepared: StageOutput, folder: Path, tmp_path: Path) -> None:
    changed = prepare_data(config_of(write(tmp_path / "rows.jsonl", ROWS)), SQL, folder / "store")
    seeded = prepare_data(config_of(folder / "rows.jsonl", seed=1), SQL, folder / "store")
    assert not changed.reused
    assert not seeded.reused
    assert len({prepared.key, changed.key, seeded.key}) == 3


def test_the_order_of_the_file_does_not_change_what_is_drawn(tmp_path: Path) -> None:
    shuffled = random.Random(4).sample(ROWS, len(ROWS))
    drawn = []
    for name, rows in (("a", ROWS), ("b", shuffled)):
        path = write(tmp_path / f"{name}.jsonl", rows)
        output = prepare_data(config_of(path, train_rows={"en": 4, "ko": 1}), SQL, tmp_path / "store")
        drawn.append(pd.read_parquet(output.file("train.parquet"))["example_id"].tolist())
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 5


def test_too_few_rows_are_all_taken_and_told(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    output = prepare_data(config_of(path, eval_rows={"en": 3, "ko": 7}), SQL, tmp_path / "store")
    summary = json.loads(output.file("summary.json").read_text("utf-8"))
    assert summary["short"] == [{"split": "eval", "language": "ko", "asked": 7, "found": 1}]
    assert summary["eval"] == 4


def test_a_draw_that_leaves_nothing_is_told(tmp_path: Path) -> None:
    english = [row for row in ROWS if row["question"].isascii()]
    config = config_of(write(tmp_path / "rows.jsonl", english), eval_rows={"ko": 5})
    with pytest.raises(InputError, match=r"data\.eval_rows: no row is left after the draw"):
        prepare_data(config, SQL, tmp_path / "store")


def test_a_broken_file_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("db_id,context,question\n1,a,b\n")
    with pytest.raises(InputError, match="missing column answer"):
        prepare_data(config_of(path), SQL, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_table_of_nonsense_stops_the_night(tmp_path: Path) -> None:
    nonsense = [{**row, "answer": "no idea"} for row in ROWS]
    with pytest.raises(StageError, match="18 of 18 rows are unfit") as error:
        prepare_data(config_of(write(tmp_path / "rows.jsonl", nonsense)), SQL, tmp_path / "store")
    left = Path(str(error.value).rpartition(": ")[2])
    assert len(pd.read_parquet(left / "quarantine.parquet")) == 18
    assert "answer does not parse" in (left / "validation.html").read_text("utf-8")


texts = st.none() | st.text(max_size=30) | st.sampled_from([value for row in ROWS for value in row.values()])
rows_of_text = st.builds(
    lambda row, changes: {**row, **changes},
    st.sampled_from(ROWS),
    st.dictionaries(st.sampled_from([*NEEDED, *OPTIONAL]), texts, max_size=3),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows_of_text, min_size=1, max_size=8))
def test_whatever_the_text_every_row_is_kept_or_quarantined(table: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = config_of(
            write(Path(folder) / "rows.jsonl", table), validation=ValidationConfig(max_quarantined_share=1.0)
        )
        rows = read_rows(config)
    good, quarantined, _ = validate(rows, config, SQL)
    assert sorted([*good.index, *quarantined.index]) == sorted(rows.index)
    assert len(rows) == len(table)
    assert all(quarantined["reasons"].map(len))
    try:
        train, evaluation = split_by_database(good, config.holdout_db_ids)
    except InputError as error:
        assert set(good["db_id"]) <= {"1"} or "1" not in set(good["db_id"])
        assert "\n" not in str(error)
    else:
        leaks = find_leaks(train, evaluation, config.leakage)
        kept = train[~train["example_id"].isin(leaks.loc[leaks["dropped"], "train_id"])]
        drawn, _ = draw(kept, None, config.seed)
        assert sorted(drawn["example_id"]) == sorted(kept["example_id"])
