from __future__ import annotations

import pandas as pd
import pytest

from tasks.common.errors import StageError
from tasks.improving.sample import check_held_out
from tasks.improving.sets import PAIRS, counts, preference_pairs, rejection_set, statuses

QUESTIONS = pd.DataFrame(
    {
        "example_id": ["always", "too", "sometimes", "never", "open"],
        "db_id": "shop",
        "context": "CREATE TABLE t (a INT, b INT);",
        "question": ["Q1", "Q2", "Q3", "Q4", "Q5"],
        "answer": ["gold 1", "gold 2", "gold 3", "gold 4", "gold 5"],
    }
)


def answers(**of: str) -> pd.DataFrame:
    """Answers as 'r:A w:B', a word for each: verdict (right, wrong, open; capital: not complete) and form."""
    short = {"r": "right", "w": "wrong", "o": "open"}
    lines = [
        (name, f"SELECT {number} {form}", short[verdict.lower()], verdict.islower(), form)
        for name, told in of.items()
        for number, (verdict, _, form) in enumerate(word.partition(":") for word in told.split())
    ]
    return pd.DataFrame(lines, columns=["example_id", "answer", "verdict", "complete", "form"])


VERIFIED = answers(
    always="r:A r:A r:B r:A",
    too="r:A r:A r:A r:A",
    sometimes="w:B r:A w:C r:A w:C",
    never="w:B W:D o:E w:B",
    open="o:A o:A r:B o:A",
)


def test_a_question_has_the_status_that_its_answers_give_it() -> None:
    assert statuses(VERIFIED).to_dict() == {
        "always": "always",
        "too": "always",
        "sometimes": "sometimes",
        "never": "never",
        "open": "open",
    }


def test_right_answers_are_learned_in_own_words_and_the_gold_where_there_is_none() -> None:
    rows = rejection_set(QUESTIONS, VERIFIED, kept_share=0, seed=1)
    assert list(zip(rows["example_id"], rows["answer"], rows["own"], strict=True)) == [
        ("sometimes", "SELECT 1 A", True),
        ("never", "gold 4", False),
    ]
    assert rows.columns.tolist() == [*QUESTIONS.columns, "own"]


def test_different_right_answers_are_all_learned_and_equal_ones_once() -> None:
    verified = answers(sometimes="r:A r:B w:C r:A", never="r:A R:B w:C o:D")
    rows = rejection_set(QUESTIONS, verified, kept_share=0, seed=1)
    assert rows["answer"].tolist() == ["SELECT 0 A", "SELECT 1 B", "SELECT 0 A"]  # what was cut off is not learned


def test_a_share_of_what_is_always_right_is_kept_one_answer_each() -> None:
    both = rejection_set(QUESTIONS, VERIFIED, kept_share=1.0, seed=1)
    assert both["example_id"].tolist() == ["always", "too", "sometimes", "never"]
    assert both["answer"].tolist()[:2] == ["SELECT 0 A", "SELECT 0 A"]
    half = [rejection_set(QUESTIONS, VERIFIED, kept_share=0.5, seed=seed) for seed in range(8)]
    assert {rows["example_id"].iloc[0] for rows in half} == {"always", "too"}
    assert all(len(rows) == 3 for rows in half)


def test_nothing_is_kept_where_nothing_is_missed() -> None:
    rows = rejection_set(QUESTIONS.head(2), answers(always="r:A", too="r:B"), kept_share=4.0, seed=1)
    assert rows.empty


def test_pairs_prefer_an_own_right_answer_to_each_wrong_one_the_most_frequent_first() -> None:
    pairs = preference_pairs(QUESTIONS, VERIFIED, most=2)
    assert pairs.columns.tolist() == PAIRS
    assert list(zip(pairs["example_id"], pairs["chosen"], pairs["rejected"], strict=True)) == [
        ("sometimes", "SELECT 1 A", "SELECT 2 C"),
        ("sometimes", "SELECT 1 A", "SELECT 0 B"),
        ("never", "gold 4", "SELECT 0 B"),
    ]
    assert preference_pairs(QUESTIONS, VERIFIED, most=1)["rejected"].tolist() == ["SELECT 2 C", "SELECT 0 B"]


def test_what_execution_does_not_decide_is_in_no_pair() -> None:
    verified = answers(never="o:A W:B o:C", open="o:A")
    pairs = preference_pairs(QUESTIONS, verified, most=4)
    assert pairs.empty and pairs.columns.tolist() == PAIRS


def test_counts_add_up() -> None:
    learned = rejection_set(QUESTIONS, VERIFIED, 0, 1)
    assert counts(QUESTIONS, VERIFIED, learned, preference_pairs(QUESTIONS, VERIFIED, 2)) == {
        "questions": 5,
        "answers": 21,
        "right_answers": 11,
        "always_right": 2,
        "sometimes_right": 1,
        "never_right": 1,
        "open": 1,
        "rows": 2,
        "own_answers": 1,
        "pairs": 3,
    }


def test_a_held_out_database_stops_the_round() -> None:
    train, evaluation = pd.DataFrame({"db_id": ["1", "2"]}), pd.DataFrame({"db_id": ["2", "3"]})
    with pytest.raises(StageError, match="held-out databases are among the training rows: db_id 2;"):
        check_held_out(train, evaluation)
    check_held_out(train.head(1), evaluation)
