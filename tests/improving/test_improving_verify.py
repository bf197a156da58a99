from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import StageError
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.improving.config import ImproveConfig
from tasks.improving.lessons import check_lessons, make_lessons
from tasks.improving.table import round_table
from tasks.improving.verify import verify, verify_answers
from tasks.inference.config import InferenceConfig
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=6)
CONTEXT = "CREATE TABLE shop (id INT PRIMARY KEY, city VARCHAR(20), price INT);"
# Question, gold, and sampled answers with their verdict.
ASKED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "q1": (
        "SELECT COUNT(*) FROM shop WHERE price > 5;",
        [
            ("SELECT COUNT(*) FROM shop WHERE price > 5;", "right"),
            ("SELECT COUNT(*) FROM shop WHERE 5 < price;", "right"),
            ("SELECT COUNT(*) FROM shop WHERE price > 6;", "wrong"),
            ("SELECT COUNT(*) FROM shops WHERE price > 5;", "wrong"),
        ],
    ),
    "q2": (
        "SELECT city FROM shop ORDER BY price;",
        [
            ("SELECT city FROM shop ORDER BY price DESC;", "wrong"),
            ("", "wrong"),
            ("SELECT city, price FROM", "wrong"),
            ("SELECT city FROM shop ORDER BY price DESC;", "wrong"),
        ],
    ),
    "q3": (
        "SELECT RAND() FROM shop;",  # nobody can say what is right
        [("SELECT RAND() FROM shop;", "open"), ("SELECT price FROM shop;", "open")],
    ),
}


def questions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "example_id": list(ASKED),
            "db_id": "shop",
            "context": CONTEXT,
            "question": [f"What about {name}?" for name in ASKED],
            "answer": [gold for gold, _ in ASKED.values()],
            "dialect": ["mysql", "sqlite", "mysql"],
            "complexity": ["aggregation", "basic SQL", "basic SQL"],
        }
    )


def predictions() -> pd.DataFrame:
    lines = [(name, sql, 30 if sql.endswith("FROM") else 12) for name, (_, said) in ASKED.items() for sql, _ in said]
    return pd.DataFrame(lines, columns=["example_id", "sql", "completion_tokens"])


@pytest.fixture(scope="module")
def verified() -> pd.DataFrame:
    return verify_answers(questions(), predictions(), 30, SQL)


def test_execution_says_what_is_right_wrong_and_open(verified: pd.DataFrame) -> None:
    found = list(zip(verified["example_id"], verified["answer"], verified["verdict"], strict=True))
    assert found == [(name, sql, verdict) for name, (_, said) in ASKED.items() for sql, verdict in said]
    incomplete = verified.loc[~verified["complete"], "answer"].tolist()
    assert incomplete == ["", "SELECT city, price FROM"]


def test_one_query_in_other_words_has_one_form(verified: pd.DataFrame) -> None:
    forms = verified.loc[verified["example_id"] == "q1", "form"].tolist()
    assert forms[0] == forms[1]
    assert len(set(forms)) == 3


def test_an_answer_too_slow_for_us_is_no_mistake() -> None:
    slow = "SELECT COUNT(*) FROM shop a, shop b, shop c, shop d, shop e, shop f, shop g, shop h WHERE a.price > b.price"
    said = pd.DataFrame({"example_id": ["q1"], "sql": [slow], "completion_tokens": [12]})
    found = verify_answers(questions(), said, 30, SqlConfig(databases=3, query_timeout_s=0.05))
    assert (found["verdict"].item(), found["outcome"].item()) == ("open", "invalid")
    assert found["reason"].item().startswith("too slow")


def test_stages_make_sets_counts_and_a_table_and_find_nothing_to_learn(tmp_path: Path) -> None:
    sampled = stage(tmp_path, {"questions": questions(), "predictions": predictions()})
    checked = verify(sampled, InferenceConfig(max_new_tokens=30), SQL, tmp_path)
    assert checked.counts == {"answers": 10, "right": 2, "wrong": 6, "open": 2}
    lessons = make_lessons(sampled, checked, ImproveConfig(), tmp_path)
    train, pairs, mixed = (pd.read_parquet(lessons.file(f"{name}.parquet")) for name in ("train", "pairs", "mixed"))
    assert train["answer"].tolist() == [ASKED["q1"][1][0][0], ASKED["q2"][0]]
    assert pairs["rejected"].tolist() == [ASKED["q1"][1][2][0], ASKED["q1"][1][3][0], ASKED["q2"][1][0][0]]
    assert mixed["example_id"].tolist() == ["q1"]
    assert {n: lessons.counts[n] for n in ("questions", "sometimes_right", "never_right", "open", "rows", "pairs")} == {
        "questions": 3, "sometimes_right": 1, "never_right": 1, "open": 1, "rows": 2, "pairs": 3,
    }  # fmt: skip

    table = round_table(questions(), pd.read_parquet(checked.file("verified.parquet")), train, pairs)
    assert table["kind of query"].tolist() == ["all", "aggregation", "basic SQL"]
    assert table["right answers"].tolist() == ["20.0%", "50.0%", "0.0%"]
    assert table["pairs"].tolist() == [3, 2, 1]

    right = predictions().assign(sql=lambda p: p["example_id"].map(lambda name: ASKED[name][0]))
    perfect = stage(tmp_path, {"questions": questions().head(2), "predictions": right.head(8)})
    nothing = make_lessons(
        perfect, verify(perfect, InferenceConfig(max_new_tokens=30), SQL, tmp_path), ImproveConfig(), tmp_path
    )
    for method in ("rejection", "dpo", "grpo"):
        check_lessons(lessons, method)
        with pytest.raises(StageError, match=f"nothing to learn by {method}: of 2 questions, 2 were answered right"):
            check_lessons(nothing, method)


def stage(store: Path, files: dict[str, pd.DataFrame]) -> StageOutput:
    """Tables as a stage's output."""

    def build(folder: Path) -> Counts:
        for name, table in files.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        return {}

    content = {name: table.to_dict("records") for name, table in files.items()}
    return run_stage(store, "sampled_answers", inputs=content, code=[], build=build)
