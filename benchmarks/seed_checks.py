"""The seed's way to check rows: a Python function for each row, which for a query opens databases of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from tasks.data.columns import DIALECTS, KOREAN_SHARE, LANGUAGES, NEEDED
from tasks.data.config import ValidationConfig
from tasks.data.expectation import LATIN_SHARE
from tasks.data.suite import (
    CONTROL_CHARACTERS,
    DUPLICATE,
    MAX_ID_CHARS,
    OTHER_LANGUAGE,
    SPACE_AROUND,
    UNDECODED,
)
from tasks.sql.config import SqlConfig
from tasks.sql.jobs import Check
from tasks.sql.schema import parse_schema

LIMITS = ValidationConfig()
SQL = SqlConfig()
LONGEST = {
    "db_id": MAX_ID_CHARS,
    "question": LIMITS.max_question_chars,
    "context": LIMITS.max_context_chars,
    "answer": LIMITS.max_answer_chars,
}
_seen: set[str] = set()


def missing(row: pd.Series) -> bool:
    """A cell is no text."""
    return any(not isinstance(row[column], str) for column in NEEDED)


def blank(row: pd.Series) -> bool:
    """A cell is white space alone."""
    return any(not row[column].strip() for column in NEEDED)


def control_characters(row: pd.Series) -> bool:
    """A cell has characters that no text needs."""
    return any(re.search(CONTROL_CHARACTERS, row[column]) for column in NEEDED)


def not_decoded(row: pd.Series) -> bool:
    """A cell was read in the wrong encoding."""
    return any(UNDECODED in row[column] for column in NEEDED)


def space_around(row: pd.Series) -> bool:
    """The database's id has white space around it."""
    return re.search(SPACE_AROUND, row["db_id"]) is not None


def too_long(row: pd.Series) -> bool:
    """A cell is longer than allowed."""
    return any(len(row[column]) > most for column, most in LONGEST.items())


def unknown_value(row: pd.Series) -> bool:
    """Language or dialect is none of those known."""
    return row["language"] not in LANGUAGES or row["dialect"] not in DIALECTS


def other_language(row: pd.Series) -> bool:
    """Too few of the question's letters are of its language's script."""
    letters = [letter for letter in row["question"] if letter.isalpha()]
    if row["language"] == "ko":
        return sum("가" <= letter <= "힣" or "ㄱ" <= letter <= "ㆎ" for letter in letters) < KOREAN_SHARE * len(letters)
    return sum(letter < "ɐ" for letter in letters) < LATIN_SHARE * len(letters)


def duplicate(row: pd.Series) -> bool:
    """The row was there before."""
    known = row["example_id"] in _seen
    _seen.add(row["example_id"])
    return known


def query(row: pd.Series) -> bool:
    """Read this row's schema, open databases, run this row's answer; nothing is shared between rows."""
    parse_schema.cache_clear()
    return bool(Check((row["context"], row["dialect"], True), SQL).answer(row["answer"]))


# Name of a check: the pattern of its expectations' reasons, and the function.
FORM: dict[str, tuple[str, Callable[[pd.Series], bool]]] = {
    "missing": ("is missing", missing),
    "blank": ("is blank", blank),
    "control characters": ("control characters", control_characters),
    "not decoded": ("not decoded", not_decoded),
    "space around the id": ("white space around", space_around),
    "length": ("is longer than", too_long),
    "known language and dialect": ("^(language|dialect) is not ", unknown_value),
    "question in its language": (OTHER_LANGUAGE, other_language),
    "duplicates": (DUPLICATE, duplicate),
}


def form(row: pd.Series) -> bool:
    """All checks of form, one after the other."""
    return sum(check(row) for _, check in FORM.values()) > 0


def run(rows: pd.DataFrame, check: Callable[[pd.Series], bool]) -> None:
    """Check every row, one by one.

    Raises:
        AssertionError: a row fails; the grown rows are sound.
    """
    _seen.clear()
    assert not rows.apply(check, axis="columns").any()
