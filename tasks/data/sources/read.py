"""All sources of a night as one table.

    {"db_id": 1, "context": "CREATE TABLE players (...);", "question": "How many ...?", "answer": "SELECT ..."}

in line 7 of rows.jsonl becomes the row `rows.jsonl:7` with all of `COLUMNS`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.data.columns import COLUMNS, DIALECTS, NEEDED, OPTIONAL, example_id, languages_of
from tasks.data.config import DataConfig
from tasks.data.sources import (
    aihub,
    bundled,
    gretel,
    ko_text2sql,
    rows,
    spider,
    sql_create_context,
    sql_table,
    wikisql,
)
from tasks.data.sources.config import Source
from tasks.data.sources.record import Record, as_text
from tasks.sql.kinds import kind_of

READERS: dict[str, Callable[[Any], Iterator[Record]]] = {
    "bundled": bundled.records,
    "rows": rows.records,
    "sql_table": sql_table.records,
    "ko_text2sql": ko_text2sql.records,
    "sql_create_context": sql_create_context.records,
    "gretel": gretel.records,
    "wikisql": wikisql.records,
    "spider": spider.records,
    "aihub": aihub.records,
}


def source_names(config: DataConfig) -> dict[str, Source]:
    """The sources under the names that `source` and the rows carry: of a file or table its name, else the kind."""
    named: dict[str, Source] = {}
    for source in config.sources:
        match source.kind:
            case "rows":
                name = source.path.rstrip("/").rpartition("/")[2]
            case "sql_table":
                name = source.table
            case kind:
                name = kind
        twin = sum(other.partition("#")[0] == name for other in named)
        named[f"{name}#{twin + 1}" if twin else name] = source
    return named


def check_sources(config: DataConfig) -> None:
    """Read every source through once, keeping nothing: is it there, whole, with what a row needs?

    Raises:
        InputError: one line that names the source and the row, what is wrong or missing and what was found.
    """
    deque(_texts(config), maxlen=0)


def read_rows(config: DataConfig) -> pd.DataFrame:
    """Read every row of every source as text; what is missing stays missing for validation to refuse.

    Returns:
        The columns `COLUMNS`, all `str`, indexed by `row`: the source's name and the place in it.

    Raises:
        InputError: a source cannot be read to its end, or holds something that is not text.
    """
    return with_kinds(read_texts(config), config.validation.max_answer_chars)


def read_texts(config: DataConfig) -> pd.DataFrame:
    """`read_rows` without the kinds of query, which take most of the time: `complexity` is missing everywhere."""
    index: list[str] = []
    columns: dict[str, list[str | None]] = {name: [] for name in ("source", *NEEDED, *OPTIONAL)}
    for row, values in _texts(config):
        index.append(row)
        for name, cells in columns.items():
            cells.append(values[name])
    table = pd.DataFrame(columns, index=pd.Index(_unique(index), dtype="str", name="row"), dtype="str")
    table["example_id"] = [example_id(*one) for one in zip(*(columns[name] for name in NEEDED), strict=True)]
    table["language"] = table["language"].fillna(languages_of(table["question"]))
    table["domain"] = table["domain"].fillna(table["db_id"])
    return table.reindex(columns=list(COLUMNS)).astype("str")


def _unique(names: list[str]) -> list[str]:
    """A source's own ids may occur twice; the later row is then known as `name#2`."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return told


def with_kinds(table: pd.DataFrame, max_answer_chars: int, progress: Progress = silent) -> pd.DataFrame:
    """The rows with `complexity` filled in from their SQL; it stays missing where the answer is too long to parse."""
    # An answer beyond the limit is refused by validation; parsing a megabyte of it first would be waste.
    sane = table.loc[table["answer"].str.len() <= max_answer_chars, ["answer", "dialect"]].dropna()
    pairs = set(sane.itertuples(index=False, name=None))
    kinds = {}
    for done, (answer, dialect) in enumerate(pairs, 1):
        if dialect in DIALECTS:
            kinds[answer, dialect] = kind_of(answer, dialect)
        progress(done, len(pairs), "queries sorted by kind")
    found = [kinds.get(pair) for pair in zip(table["answer"], table["dialect"], strict=True)]
    return table.assign(complexity=pd.array(found, dtype="str"))


def _texts(config: DataConfig) -> Iterator[tuple[str, dict[str, str | None]]]:
    owners: dict[str, str] = {}
    for name, source in source_names(config).items():
        empty = True
        for record in READERS[source.kind](source):
            empty = False
            values = _text_values(record, name)
            if values["db_id"] is not None:
                values["db_id"] = source.db_prefix + values["db_id"]
                _check_owner(values["db_id"], name, owners)
            yield f"{name}:{record.place}", {"source": name, **values}
        if empty:
            raise InputError(f"{name}: the source has no rows")


def _text_values(record: Record, name: str) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for column in (*NEEDED, *OPTIONAL):
        try:
            values[column] = as_text(getattr(record, column))
        except ValueError as found:
            raise InputError(f"{name}:{record.place}: {column}: expected text, found {found}") from None
    return values


def _check_owner(db_id: str, name: str, owners: dict[str, str]) -> None:
    owner = owners.setdefault(db_id, name)
    if owner != name:
        raise InputError(
            f"data.sources: the db_id '{db_id:.80}' is in {owner} and in {name}; give one of them a `db_prefix`, "
            "as they may be two databases"
        )
