"""Other ways to tell right from wrong, run beside ours: the public test-suite rule, and one fixed database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from random import Random
from typing import Any

from sqlglot import exp

from tasks.sql.databases import Rows
from tasks.sql.dialect import Translated, translate
from tasks.sql.parsing import Refused
from tasks.sql.results import same
from tasks.sql.sandbox import Row, open_database, run_query
from tasks.sql.schema import Schema, Table
from tasks.sql.text_functions import Value

TIMEOUT_S = 2.0


def suite_rule(gold: str, predictions: Sequence[str], schema: Schema, dialect: str, databases: Iterable[Rows]) -> Any:
    """The comparer of the public test-suite evaluator (Zhong et al., 2020), as its description and defaults have it.

    DISTINCT is taken out of both queries; the answers must be equal as bags, after some permutation of columns, and
    in the same order where the gold query has ORDER BY. No database is left out, two empty answers are equal.

    Returns:
        For each prediction one bool a database: are the answers equal.
    """
    wanted = _without_distinct(gold, schema, dialect)
    others = [_without_distinct(p, schema, dialect) for p in predictions]
    found: list[list[bool]] = [[] for _ in predictions]
    ordered = "order by" in gold.lower()
    for rows in databases:
        connection = open_database(schema, rows)
        answer = _answer(connection, wanted)
        for at, query in enumerate(others):
            other = _answer(connection, query)
            found[at].append(answer is not None and other is not None and _suite_same(answer, other, ordered))
        connection.close()
    return found


def _without_distinct(sql: str, schema: Schema, dialect: str) -> Translated:
    try:
        return translate(re.sub(r"\bDISTINCT\b", "", sql, flags=re.IGNORECASE), schema, dialect)
    except Refused:
        return translate(sql, schema, dialect)


def _answer(connection: Any, query: Translated) -> list[Row] | None:
    try:
        return run_query(connection, query.sql, TIMEOUT_S)
    except Refused:
        return None


def _suite_same(left: list[Row], right: list[Row], ordered: bool) -> bool:
    if not left and not right:
        return True
    if len(left) != len(right) or len(left[0]) != len(right[0]):
        return False
    for order in permutations(range(len(left[0]))):
        turned = [tuple(row[i] for i in order) for row in right]
        if turned == left if ordered else Counter(turned) == Counter(left):
            return True
    return False


def fixed_rule(gold: Translated, predictions: Sequence[Translated], schema: Schema, rows: Rows) -> list[bool]:
    """Is a prediction's answer equal to gold's, by our comparer, on the one database that a schema comes with?"""
    connection = open_database(schema, rows)
    answer = _answer(connection, gold)
    found = []
    for query in predictions:
        other = _answer(connection, query)
        folded = gold.merges or query.merges
        found.append(answer is not None and other is not None and same(answer, other, gold.ordered, folded))
    connection.close()
    return found


def constants(queries: Iterable[exp.Query]) -> list[str]:
    """All constants of some queries, so that a database without regard to one query still holds what is asked for."""
    return sorted({literal.name for query in queries for literal in query.find_all(exp.Literal)})


def random_rows(schema: Schema, known: Sequence[str], count: int, random: Random) -> Rows:
    """A database drawn without looking at any query's structure: types, keys, NOT NULL and foreign keys hold.

    Args:
        schema: the tables.
        known: texts of constants; a cell holds one of them (or a neighbour) about every third time.
        count: rows a table at most.
        random: where values come from.
    """
    made: Rows = {}
    waiting = list(schema.tables.values())
    while waiting:
        ready = [t for t in waiting if all(k.table in made or k.table == t.name for k in t.foreign_keys)] or waiting[:1]
        table = ready[0]
        waiting.remove(table)
        made[table.name] = list(_table_rows(table, made, schema, known, count, random))
    return {name: made[name] for name in schema.tables}


def _table_rows(
    table: Table, made: Rows, schema: Schema, known: Sequence[str], count: int, random: Random
) -> Iterator[Row]:
    seen: list[set[Row]] = [set() for _ in table.unique]
    for number in range(1, count + 1):
        cells: dict[str, Value] = {}
        for name, column in table.columns.items():
            serial = (name,) in table.unique and column.family == "int"
            cells[name] = number if serial and random.random() < 0.9 else _cell(column, known, random)
        for key in table.foreign_keys:
            at = [list(schema.tables[key.table].columns).index(c) for c in key.referenced]
            parents = made.get(key.table, [])
            loose = all(table.columns[c].nullable for c in key.columns) and random.random() < 0.1
            parent = random.choice(parents) if parents and not loose else None
            cells.update({c: parent[i] if parent else None for c, i in zip(key.columns, at, strict=True)})
        if any(value is None and not table.columns[name].nullable for name, value in cells.items()):
            continue
        keys = [tuple(v.lower() if isinstance(v := cells[c], str) else v for c in key) for key in table.unique]
        if any(None not in k and k in s for k, s in zip(keys, seen, strict=True)):
            continue
        for k, s in zip(keys, seen, strict=True):
            s.add(k)
        yield tuple(cells.values())


def _cell(column: Any, known: Sequence[str], random: Random) -> Value:
    if column.nullable and random.random() < 0.1:
        return None
    if column.values:
        return str(random.choice(column.values))
    if column.boolean:
        return random.randrange(2)
    text = random.choice(known) if known and random.random() < 0.4 else None
    dated = text is not None and re.match(r"\d{4}-\d\d-\d\d", text)
    if column.family in ("date", "datetime"):
        day = (
            text[:10]
            if text and dated
            else f"{random.randint(2018, 2024)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
        )
        return day if column.family == "date" else f"{day} {random.randrange(24):02}:00:00"
    if column.family == "time":
        return f"{random.randrange(24):02}:30:00"
    if column.family in ("int", "real"):
        number = float(text) if text and re.fullmatch(r"-?\d+(\.\d+)?", text) else float(random.randint(1, 12))
        number = min(number + random.choice((0, 0, 0, 1, -1)), column.largest)
        number = abs(number) if column.unsigned else number
        return (
            round(number) if column.family == "int" else round(number + random.choice((0, 0, 0.5)), column.scale or 2)
        )
    word = (
        (text or random.choice(("ash", "birch", "cedar", "elm", "fir"))).strip("%").replace("%", "x").replace("_", "a")
    )
    word += random.choice(("", "", "", "s"))
    return word[: column.length] if column.length else word
