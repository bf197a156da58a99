"""Queries as trees: changed in one place at a time, and what their FROM says of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from tasks.sql.schema import Column, Schema

Node = Any  # sqlglot's nodes; their arguments have no static types
Edit = Callable[[Node], object]  # changes a node of a copy of the query in place
Change = Callable[[Node, Schema], Iterable[Edit]]  # what may be done at one node


def changed(query: str, changes: Mapping[str, Change], schema: Schema, dialect: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, query) for every single change that makes another text."""
    root = exp.Paren(this=sqlglot.parse_one(query, read=dialect))  # so that the query itself has a parent
    seen = {root.this.sql(dialect=dialect)}
    for kind, change in changes.items():
        for place, node in enumerate(root.walk()):
            for edit in change(node, schema):
                copy = root.copy()
                edit(next(n for at, n in enumerate(copy.walk()) if at == place))
                text = copy.this.sql(dialect=dialect)
                if text not in seen:
                    seen.add(text)
                    yield kind, text


def put(make: Callable[[Node], Any]) -> Edit:
    """Put what `make` makes of a node in its place."""
    return lambda node: node.replace(make(node))


def is_whole(node: Node) -> bool:
    """Whether a node is the whole query."""
    return isinstance(node, exp.Select | exp.SetOperation) and node.parent is not None and node.parent.parent is None


def tables_of(select: Node, schema: Schema) -> dict[str, str]:
    """Name in the query -> base table, for the tables of one FROM; empty if one of them is no base table."""
    parts = [p.this for p in (select.args.get("from_"), *select.args.get("joins", [])) if p is not None]
    if not all(isinstance(p, exp.Table) and p.name.lower() in schema.tables for p in parts):
        return {}
    return {p.alias_or_name: p.name.lower() for p in parts}


def column_of(node: Node, schema: Schema) -> Column | None:
    """The schema's column that a column of a query means, if its own FROM tells."""
    select = node.find_ancestor(exp.Select)
    tables = tables_of(select, schema) if select is not None else {}
    names = [t for alias, t in tables.items() if node.table in ("", alias)]
    found = [
        schema.tables[t].columns[node.name.lower()] for t in names if node.name.lower() in schema.tables[t].columns
    ]
    return found[0] if len(found) == 1 else None


def column_table(column: Node, select: Node, schema: Schema) -> str | None:
    """Name in the query of the table that a column belongs to."""
    tables = tables_of(select, schema)
    if column.table:
        return column.table if column.table in tables else None
    found = [alias for alias, t in tables.items() if column.name.lower() in schema.tables[t].columns]
    return found[0] if len(found) == 1 else None


def inner_only(select: Node) -> bool:
    """Whether all joins of a FROM are inner joins."""
    return all(not j.side and not j.args.get("using") for j in select.args.get("joins", []))
