"""Sources: where rows come from, mapped to the columns that every other room knows.

    {"db_id": 1, "context": "CREATE TABLE players (...);", "question": "How many ...?", "answer": "SELECT ..."}

becomes one row with all of `COLUMNS`. A source may bring `language` and `domain` itself.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.data.config import DataConfig
from tasks.data.formats import open_records
from tasks.data.sample import DOMAINS
from tasks.data.sample import PATH as BUNDLED
from tasks.sql.kinds import kind_of

DIALECT = "mysql"  # of every source there is so far; the SQL room refuses any other
NEEDED = ("db_id", "context", "question", "answer")
OPTIONAL = ("language", "domain")
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
# A Korean question keeps table names and values in Latin letters, so far less than half has to be Hangul;
# an English one may quote a Korean value.
KOREAN_SHARE = 0.25


def source_path(config: DataConfig) -> Path:
    """The file that `config.source` stands for."""
    return BUNDLED if config.source == "bundled" else Path(config.source)


def check_source(config: DataConfig) -> None:
    """Read the file through once, keeping nothing: is it there, whole, of a known kind, with the columns needed?

    Raises:
        InputError: one line that names the file and line, what is wrong or missing and what was found.
    """
    path = source_path(config)
    columns, records = open_records(path)
    _check_columns(path, columns)
    deque(records, maxlen=0)


def _check_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        what = "columns" if len(missing) > 1 else "column"
        raise InputError(f"{path}: missing {what} {', '.join(missing)}; found: {', '.join(columns) or 'none'}")


def read_rows(config: DataConfig) -> pd.DataFrame:
    """Read every row of the source as text; what is missing in the file stays missing for validation to refuse.

    Returns:
        The columns `COLUMNS`, all `str`, indexed by `row`: the line of the file (Parquet: the row) from 1.

    Raises:
        InputError: the file cannot be read to its end, or holds something that is not text, with its line.
    """
    path = source_path(config)
    columns, records = open_records(path)
    _check_columns(path, columns)
    source = "bundled" if config.source == "bundled" else path.name
    domains = DOMAINS if config.source == "bundled" else {}
    lines: list[int] = []
    rows: list[dict[str, str | None]] = []
    kinds: dict[str, str] = {}
    for line, values in records:
        given = {name: _text(values.get(name), path, line, name) for name in (*NEEDED, *OPTIONAL)}
        lines.append(line)
        rows.append(_row(given, config, source, domains, kinds))
    index = pd.Index(lines, name="row")
    return pd.DataFrame({name: pd.array([row[name] for row in rows], dtype="str") for name in COLUMNS}, index=index)


def _row(
    given: Mapping[str, str | None],
    config: DataConfig,
    source: str,
    domains: Mapping[str, str],
    kinds: dict[str, str],
) -> dict[str, str | None]:
    db_id, answer = given["db_id"], given["answer"]
    return {
        **given,
        "example_id": example_id(*(given[name] for name in NEEDED)),
        "dialect": DIALECT,
        "language": given["language"] or language_of(given["question"] or ""),
        "domain": given["domain"] or domains.get(db_id or "", db_id),
        "complexity": _kind(answer, config, kinds),
        "source": source,
    }


def _kind(answer: str | None, config: DataConfig, kinds: dict[str, str]) -> str | None:
    # An answer beyond the limit is refused by validation; parsing a megabyte of it first would be waste.
    if answer is None or len(answer) > config.validation.max_answer_chars:
        return None
    if answer not in kinds:
        kinds[answer] = kind_of(answer, DIALECT)
    return kinds[answer]


def _text(value: Any, path: Path, line: int, name: str) -> str | None:
    match value:
        case None:
            return None
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                problem = "half a surrogate pair, which is no character"
            else:
                return value
        case bool():
            problem = "bool"
        case int():
            return str(value)
        case float() if value != value:  # pandas writes a missing value as NaN
            return None
        case float() if value.is_integer():  # and an integer column that misses one as floats
            return str(int(value))
        case _:
            problem = type(value).__name__
    raise InputError(f"{path}, line {line}: {name}: expected text, found {problem}")


def example_id(db_id: str | None, context: str | None, question: str | None, answer: str | None) -> str:
    """16 hex digits that name a row by its content: equal rows, and only they, share it."""
    content = json.dumps([db_id, context, question, answer])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def language_of(question: str) -> str:
    """'ko' if at least a quarter of the question's letters are Hangul, else 'en'."""
    letters = [char for char in unicodedata.normalize("NFC", question) if char.isalpha()]
    hangul = sum("가" <= char <= "힣" or "ㄱ" <= char <= "ㆎ" for char in letters)
    return "ko" if letters and hangul / len(letters) >= KOREAN_SHARE else "en"
