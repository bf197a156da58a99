"""What holds for all databases of one gold query: the keys between tables, the pools that columns draw from."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tasks.sql.harvest import ColumnKey, Harvest
from tasks.sql.schema import ForeignKey, Schema, Table
from tasks.sql.text_functions import Value
from tasks.sql.values import candidates


def with_implied_keys(schema: Schema, found: Harvest) -> Schema:
    """A column that the query joins with another table's key refers to it, even where the DDL does not say so."""
    tables = dict(schema.tables)
    for pair in found.joined:
        for (parent, key), (child, column) in (pair, pair[::-1]):
            known = {c for k in tables[child].foreign_keys for c in k.columns}
            is_key, is_other_key = (key,) in tables[parent].unique, (column,) in tables[child].unique
            same = tables[parent].columns[key].family == tables[child].columns[column].family
            if is_key and not is_other_key and same and parent != child and column not in known:
                keys = (*tables[child].foreign_keys, ForeignKey((column,), parent, (key,)))
                tables[child] = replace(tables[child], foreign_keys=keys)
    return Schema(tables)


def pools_of(schema: Schema, found: Harvest, rng: Random) -> dict[ColumnKey, tuple[list[Value], list[Value]]]:
    """Candidates of every column; columns that are compared with each other draw from the same."""
    pools = {
        (table.name, name): candidates(column, found.tests.get((table.name, name), []), rng)
        for table in schema.tables.values()
        for name, column in table.columns.items()
    }
    kinds = {(t.name, c.name): c for t in schema.tables.values() for c in t.columns.values()}
    for left, right in found.joined:
        if kinds[left].family == kinds[right].family and not kinds[left].values and not kinds[right].values:
            # The side that is tested decides.
            source, copy = (left, right) if left in found.tests or right not in found.tests else (right, left)
            if copy not in found.tests:
                pools[copy] = pools[source]
    return pools


def emptied(schema: Schema, found: Harvest, rng: Random) -> set[str]:
    """One table of the query to leave empty: one that no other table refers to, if there is one."""
    referred = {k.table for t in schema.tables.values() for k in t.foreign_keys}
    choice = [t for t in found.tables if t not in referred] or found.tables
    return {rng.choice(choice)} if len(found.tables) > 1 else set()


def parents_first(schema: Schema) -> list[Table]:
    """Tables in an order in which what they refer to comes before them."""
    done: list[Table] = []
    waiting = list(schema.tables.values())
    while waiting:
        names = {t.name for t in done}
        ready = [t for t in waiting if all(k.table in names or k.table == t.name for k in t.foreign_keys)]
        step = ready or waiting[:1]  # a cycle is opened at its first table, whose references stay NULL
        done += step
        waiting = [t for t in waiting if t not in step]
    return done
