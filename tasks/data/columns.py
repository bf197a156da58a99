"""The columns that every other room knows, and what is derived from a row's own text."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NEEDED = ("db_id", "context", "question", "answer")
OPTIONAL = ("dialect", "language", "domain")
COLUMNS = (
    "example_id",
    "db_id",
    "context",
    "question",
    "answer",
    "dialect",
    "language",
    "domain",
    "complexity",
    "source",
)
DIALECTS = ("mysql", "sqlite", "postgres")
LANGUAGES = ("en", "ko")

# A Korean question keeps table names and values in Latin letters, so far less than half has to be Hangul;
# an English one may quote a Korean value.
KOREAN_SHARE = 0.25
HANGUL = r"[\x{1100}-\x{11ff}\x{3130}-\x{318f}\x{ac00}-\x{d7a3}]"
LATIN = r"\p{Latin}"
LETTER = r"\pL"


def example_id(db_id: str | None, context: str | None, question: str | None, answer: str | None) -> str:
    """16 hex digits that name a row by its content: equal rows, and only they, share it."""
    content = json.dumps([db_id, context, question, answer])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def language_of(question: str) -> str:
    """'ko' if at least a quarter of the question's letters are Hangul, else 'en'."""
    found: str = languages_of(pd.Series([question], dtype="str")).iloc[0]
    return found


def languages_of(questions: pd.Series) -> pd.Series:
    """`language_of` for each of many questions; a missing one counts as empty."""
    hangul = letter_share(questions, HANGUL) >= KOREAN_SHARE
    return pd.Series("en", index=questions.index, dtype="str").mask(hangul, "ko")


def letter_share(texts: pd.Series, pattern: str) -> pd.Series:
    """Share of each text's letters that match `pattern` (RE2), 0 for a text without letters."""
    # Composed, as a decomposed syllable would count as two or three letters.
    composed = pc.utf8_normalize(pa.array(texts.fillna(""), type=pa.large_string()), form="NFC")
    hits, letters = (pc.count_substring_regex(composed, pattern=p).to_pandas() for p in (pattern, LETTER))
    return (hits / letters.where(letters > 0, 1)).set_axis(texts.index)
