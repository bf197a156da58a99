"""What training and evaluation rows share: every planted leak is found, told with its row, and dropped."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from tasks.common.errors import InputError
from tasks.data.columns import example_id
from tasks.data.config import LeakageConfig
from tasks.data.leakage import find_leaks, near_duplicates, normalised, normalised_schema

HELD_OUT = {"db_id": "1", "question": "How many Players are there?", "context": "CREATE TABLE p (a INT);"}
OTHER = {"db_id": "2", "context": "CREATE TABLE g (b INT);"}


def table(rows: list[dict[str, str]]) -> pd.DataFrame:
    full = [{"answer": "SELECT 1", "source": "here", "context": "DDL", "db_id": "1", **r} for r in rows]
    for row in full:
        row["example_id"] = example_id(row["db_id"], row["context"], row["question"], row["answer"])
    return pd.DataFrame(full, dtype="str").set_index(pd.Index(range(2, len(full) + 2), name="row"))


def test_every_leak_is_told_with_its_row_and_what_it_shares() -> None:
    planted = [
        ({"db_id": "1", "question": "Same database", "context": "CREATE TABLE q (a INT);"}, {"database"}),
        ({**OTHER, "question": "how  many players\nare ｔｈｅｒｅ?"}, {"question"}),
        (
            {**OTHER, "question": "Same schema", "context": "create table P (a INT)", "answer": "SELECT 2"},
            {"schema"},
        ),
        (
            {**OTHER, "question": "Same answer", "context": "CREATE TABLE `p`  (a INT);", "answer": "select  1"},
            {"schema", "answer"},
        ),
        ({**OTHER, "question": "How many guilds are there?"}, set()),
    ]
    found = find_leaks(table([row for row, _ in planted]), table([HELD_OUT]), LeakageConfig())
    for number, (row, shares) in enumerate(planted, 2):
        lines = found[found["row"] == number]
        assert set(lines["shares"]) == shares, row
        assert lines["dropped"].all()
    assert set(found["eval_id"]) == set(table([HELD_OUT])["example_id"])


@pytest.mark.parametrize(
    "same",
    [
        "create table IF NOT EXISTS `p`(\n  a INT, -- the level\n  b TEXT\n);",
        "CREATE TABLE \"p\" (a INT, b TEXT); INSERT INTO p VALUES (1, 'x');",
        "/* games */ CREATE TABLE p (a INT , b TEXT)",
    ],
)
def test_a_schema_is_known_again_however_it_is_written(same: str) -> None:
    assert normalised_schema(same) == normalised_schema("CREATE TABLE p (a INT, b TEXT);")


def test_schemas_that_differ_are_told_apart_and_the_order_of_tables_does_not_count() -> None:
    one, two, three = "CREATE TABLE p (a INT);", "CREATE TABLE q (a INT);", "CREATE TABLE p (a INTEGER);"
    assert normalised_schema(one + two) == normalised_schema(two + "\n" + one)
    assert len({normalised_schema(ddl) for ddl in (one, two, three, one + two, "no tables", "none")}) == 6


def test_near_questions_are_told_and_dropped_only_if_asked_for() -> None:
    train = table([{**OTHER, "question": q} for q in ("Names of players above level 10?", "Show all guilds")])
    evaluation = table(
        [{**HELD_OUT, "question": q} for q in ("Names of players above level 20?", "How old is the oldest sword?")]
    )
    told = find_leaks(train, evaluation, LeakageConfig())
    assert told[["row", "shares", "dropped"]].to_numpy().tolist() == [[2, "near question", False]]
    assert told["eval_question"].tolist() == ["Names of players above level 20?"]
    assert 90 <= told["ratio"].iloc[0] < 100
    assert find_leaks(train, evaluation, LeakageConfig(drop_ratio=95.0))["dropped"].tolist() == [True]
    assert find_leaks(train, evaluation, LeakageConfig(drop_ratio=99.0))["dropped"].tolist() == [False]


def test_nothing_is_dropped_that_would_not_be_told() -> None:
    with pytest.raises(InputError, match=r"drop_ratio \(80.0\) is below near_duplicate_ratio"):
        LeakageConfig.read({"drop_ratio": 80}, "profile.yaml")


def expected(train: pd.DataFrame, evaluation: pd.DataFrame, ratio: float) -> dict[str, float]:
    """Every pair compared, one by one."""
    best = {
        name: max((fuzz.token_sort_ratio(normalised(q), normalised(e)) for e in evaluation["question"]), default=0)
        for name, q in zip(train["example_id"], train["question"], strict=True)
    }
    return {name: round(alike, 1) for name, alike in best.items() if alike >= ratio}


words = st.lists(st.sampled_from(["a", "players", "level", "of", "이름", "10", "20", "guild"]), max_size=8).map(
    " ".join
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(words, min_size=1, max_size=8, unique=True),
    st.lists(words, min_size=1, max_size=8, unique=True),
    st.sampled_from([1.0, 50.0, 80.0, 90.0, 100.0]),
)
def test_the_short_way_finds_what_comparing_all_pairs_finds(ours: list[str], theirs: list[str], ratio: float) -> None:
    train = table([{**OTHER, "question": q} for q in ours])
    evaluation = table([{**HELD_OUT, "question": q} for q in theirs])
    near = near_duplicates(train, evaluation, ratio)
    assert dict(zip(near["train_id"], near["ratio"].round(1), strict=True)) == expected(train, evaluation, ratio)


def test_pieces_find_what_one_piece_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    parts = ["names", "of", "all", "players", "guilds", "above", "level", "older", "than"]
    asked = [f"{' '.join(rng.choices(parts, k=rng.randrange(3, 9)))} {n}" for n in range(400)]
    train = table([{**OTHER, "question": q} for q in asked[:300]])
    evaluation = table([{**HELD_OUT, "question": q} for q in asked[300:]])
    at_once = near_duplicates(train, evaluation, 85.0)
    monkeypatch.setattr("tasks.data.leakage.CELLS", 700)
    told: list[tuple[int, int, str]] = []
    in_pieces = near_duplicates(train, evaluation, 85.0, lambda *what: told.append(what))
    assert len(at_once) > 20
    pd.testing.assert_frame_equal(at_once, in_pieces)
    assert told[-1][:2] == (300, 300)
    assert len(told) > 40
    assert np.all(np.diff([done for done, *_ in told]) > 0)
