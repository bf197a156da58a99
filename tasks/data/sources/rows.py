"""Rows of the user's own, in a CSV, JSONL or Parquet file that is here or behind a URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.common.errors import InputError
from tasks.data.columns import NEEDED, OPTIONAL
from tasks.data.sources.config import RowsSource
from tasks.data.sources.formats import open_records
from tasks.data.sources.record import Record


def records(source: RowsSource) -> Iterator[Record]:
    """The file's rows, each known by its line (in Parquet: its row), from 1.

    Raises:
        InputError: a column is missing, or what `open_records` raises.
    """
    columns, found = open_records(source.path)
    check_columns(source.path, columns)
    for line, values in found:
        given = {name: values.get(name) for name in (*NEEDED, *OPTIONAL)}
        yield Record(str(line), **given)._replace(dialect=given["dialect"] or source.dialect)


def check_columns(where: str, columns: Iterable[str], needed: Iterable[str] = NEEDED) -> None:
    """Refuse a table that lacks a column.

    Raises:
        InputError: naming the columns missing and those found.
    """
    found = list(columns)
    missing = [name for name in needed if name not in found]
    if missing:
        what = "columns" if len(missing) > 1 else "column"
        raise InputError(f"{where}: missing {what} {', '.join(missing)}; found: {', '.join(found) or 'none'}")
