from __future__ import annotations

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.scoring.accuracy import count
from tasks.scoring.score import COLUMNS, score_rows
from tasks.sql.config import SqlConfig

DDL = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), level INT, guild VARCHAR(20));"
ANSWERS = {
    # gold, prediction: em, canonical em, outcome
    "same": ("SELECT name FROM players WHERE level > 10", "SELECT name FROM players WHERE level > 10"),
    "spelt": ("SELECT name FROM players WHERE level > 10", "select Name from PLAYERS where Level > 10;"),
    "rewritten": (
        "SELECT name FROM players WHERE level BETWEEN 3 AND 5",
        "SELECT p.name FROM players p WHERE p.level IN (3, 4, 5)",
    ),
    "wrong": ("SELECT name FROM players WHERE level > 10", "SELECT name FROM players WHERE level >= 10"),
    "invented": ("SELECT COUNT(*) FROM players", "SELECT COUNT(heroes) FROM players"),
    "silent": ("SELECT COUNT(*) FROM players", ""),
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "example_id": list(ANSWERS),
            "db_id": "games",
            "context": DDL,
            "question": "Which players?",
            "answer": [gold for gold, _ in ANSWERS.values()],
            "dialect": ["mysql", "mysql", "mysql", "mysql", "mysql", "mysql"],
            "language": ["en", "en", "en", "en", "ko", "ko"],
            "domain": "games",
            "complexity": "basic SQL",
            "source": "test",
        }
    )


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    made = pd.DataFrame({"example_id": list(ANSWERS), "sql": [sql for _, sql in ANSWERS.values()], "raw": "", "x": 1})
    return made.iloc[::-1]


@pytest.fixture(scope="module")
def scores(rows: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    return score_rows(rows, predictions, SqlConfig())


def test_predictions_are_joined_by_id_and_run(scores: pd.DataFrame) -> None:
    assert list(scores.columns) == COLUMNS
    assert list(scores["example_id"]) == list(ANSWERS)
    assert list(scores["sql"]) == [sql for _, sql in ANSWERS.values()]
    assert list(scores["outcome"]) == ["equal", "equal", "equal", "different", "invalid", "invalid"]
    assert list(scores["correct"]) == [True, True, True, False, False, False]
    assert list(scores["em"]) == [True, False, False, False, False, False]
    assert list(scores["em_canonical"])[:2] == [True, True]
    assert not scores["em_canonical"][3:].any()


def test_a_wrong_answer_comes_with_its_counterexample(scores: pd.DataFrame) -> None:
    wrong = scores.set_index("example_id").loc["wrong"]
    assert "10" in wrong["counterexample"]
    assert "heroes" in scores.set_index("example_id").loc["invented", "reason"]


def test_counts_are_shares_of_the_rows_and_by_language(scores: pd.DataFrame) -> None:
    counts = count(scores)
    assert (counts["rows"], counts["decided"]) == (6, 6)
    assert (counts["ex"], counts["ex_en"], counts["ex_ko"]) == (0.5, 0.75, 0.0)
    assert counts["em"] == 0.1667


def test_undecided_rows_are_no_part_of_execution_accuracy(scores: pd.DataFrame) -> None:
    outcome = scores["outcome"].where(scores["example_id"] != "wrong", "undecided")
    assert count(scores.assign(outcome=outcome))["ex"] == 0.6


def test_ids_that_do_not_match_are_named(rows: pd.DataFrame, predictions: pd.DataFrame) -> None:
    other = predictions.assign(example_id=predictions["example_id"].replace("wrong", "strange"))
    other = pd.concat([other, other[other["example_id"] == "same"]])
    with pytest.raises(InputError) as error:
        score_rows(rows, other, SqlConfig())
    told = str(error.value)
    assert "no prediction for wrong" in told
    assert "unknown rows strange" in told
    assert "more than one prediction for same" in told
    assert "\n" not in told
