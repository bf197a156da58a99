"""A database with fewer rows that still shows what the whole one shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.sql.databases import Rows
from tasks.sql.sandbox import Row
from tasks.sql.schema import Schema, Table


def smallest(schema: Schema, rows: Rows, tables: Sequence[str], shows: Callable[[Rows], bool], tries: int) -> Rows:
    """Take rows away, first halves of a table, then smaller parts, while `shows` holds.

    What refers to a row that is taken away goes with it, so that foreign keys hold.

    Args:
        schema: the tables.
        rows: a database for which `shows` holds.
        tables: tables that a reader looks at; the rows of others go only with those they refer to.
        shows: whether a database still shows the difference.
        tries: how often `shows` may be asked.
    """
    for name in sorted(tables, key=lambda t: -len(rows[t])):
        part = (len(rows[name]) + 1) // 2
        while part and rows[name]:
            start = 0
            while start < len(rows[name]):
                if tries <= 0:
                    return rows
                tries -= 1
                left = rows | {name: rows[name][:start] + rows[name][start + part :]}
                left = _referring(schema, left)
                if shows(left):
                    rows = left
                else:
                    start += part
            part //= 2
    return rows


def _referring(schema: Schema, rows: Rows) -> Rows:
    """Without the rows that refer to a row that is not there."""
    while True:
        kept = {name: _with_parents(table, schema, rows) for name, table in schema.tables.items()}
        if all(len(kept[name]) == len(rows[name]) for name in rows):
            return rows
        rows = kept


def _with_parents(table: Table, schema: Schema, rows: Rows) -> list[Row]:
    left = rows[table.name]
    for key in table.foreign_keys:
        target = list(schema.tables[key.table].columns)
        at = [list(table.columns).index(c) for c in key.columns]
        known = {tuple(row[target.index(c)] for c in key.referenced) for row in rows[key.table]}
        left = [row for row in left if None in (ref := tuple(row[i] for i in at)) or ref in known]
    return left
