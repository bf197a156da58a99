"""Gold queries to try: some of the bundled sample, and some over schemas shaped like Spider's.

The second are made here: schemas with few constraints (no NOT NULL beside keys, no UNIQUE, plain TEXT), queries with
T1 and T2, INTERSECT and EXCEPT, nested IN, groups ordered by their count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pandas as pd

from tasks.data.config import DataConfig
from tasks.data.sources.read import read_rows
from tasks.sql.schema import Column, ForeignKey, Schema, parse_schema

CONTEXTS = (
    """CREATE TABLE harbor (harbor_id INT PRIMARY KEY, name TEXT, city TEXT, country TEXT, depth INT, opened INT);
CREATE TABLE ship (ship_id INT PRIMARY KEY, name TEXT, flag TEXT, tonnage INT, built INT, home_harbor INT,
  FOREIGN KEY (home_harbor) REFERENCES harbor(harbor_id));
CREATE TABLE voyage (voyage_id INT PRIMARY KEY, ship_id INT, captain TEXT, days INT, cargo TEXT, distance REAL,
  FOREIGN KEY (ship_id) REFERENCES ship(ship_id));""",
    """CREATE TABLE orchestra (orchestra_id INT PRIMARY KEY, name TEXT, conductor TEXT, label TEXT, founded INT);
CREATE TABLE hall (hall_id INT PRIMARY KEY, title TEXT, town TEXT, seats INT, fee REAL);
CREATE TABLE evening (orchestra_id INT, hall_id INT, season TEXT, attendance INT, day DATE,
  PRIMARY KEY (orchestra_id, hall_id), FOREIGN KEY (orchestra_id) REFERENCES orchestra(orchestra_id),
  FOREIGN KEY (hall_id) REFERENCES hall(hall_id));""",
    """CREATE TABLE student (stu_id INT PRIMARY KEY, last_name TEXT, first_name TEXT, age INT, sex TEXT, major INT,
  home_city TEXT);
CREATE TABLE pet (pet_id INT PRIMARY KEY, kind TEXT, pet_age INT, weight REAL);
CREATE TABLE owns (stu_id INT, pet_id INT, since INT, FOREIGN KEY (stu_id) REFERENCES student(stu_id),
  FOREIGN KEY (pet_id) REFERENCES pet(pet_id));""",
    """CREATE TABLE region (id INT PRIMARY KEY, label TEXT, area REAL);
CREATE TABLE maker (id INT PRIMARY KEY, brand TEXT, full_name TEXT, region INT, staff INT,
  FOREIGN KEY (region) REFERENCES region(id));
CREATE TABLE model (id INT PRIMARY KEY, maker INT, title TEXT, horsepower INT, cylinders INT, year INT,
  FOREIGN KEY (maker) REFERENCES maker(id));""",
    """CREATE TABLE department (dept_id INT PRIMARY KEY, name TEXT, budget REAL, head TEXT, employees INT);
CREATE TABLE clerk (clerk_id INT PRIMARY KEY, name TEXT, age INT, salary REAL, dept_id INT, grade TEXT,
  FOREIGN KEY (dept_id) REFERENCES department(dept_id));
CREATE TABLE award (award_id INT PRIMARY KEY, clerk_id INT, title TEXT, year INT, bonus INT,
  FOREIGN KEY (clerk_id) REFERENCES clerk(clerk_id));""",
    """CREATE TABLE stadium (id INT PRIMARY KEY, name TEXT, location TEXT, capacity INT, highest INT, average INT);
CREATE TABLE club (id INT PRIMARY KEY, name TEXT, manager TEXT, stadium_id INT, founded INT,
  FOREIGN KEY (stadium_id) REFERENCES stadium(id));
CREATE TABLE player (id INT PRIMARY KEY, name TEXT, position TEXT, goals INT, age INT, club_id INT, country TEXT,
  FOREIGN KEY (club_id) REFERENCES club(id));""",
)
TEXTS = ("France", "Summer", "Kim", "A", "gold", "North", "cat", "Lee", "2014", "first")


@dataclass(frozen=True)
class Gold:
    """A query, the DDL of its tables and the dialect of both."""

    context: str
    sql: str
    dialect: str


def sample_golds(count: int, seed: int) -> list[Gold]:
    """Draw from the bundled sample, the same number of each kind of query as far as there are."""
    rows = read_rows(DataConfig()).drop_duplicates(["context", "answer"])
    order = pd.Series(range(len(rows)), index=rows.sample(frac=1, random_state=seed).index).sort_index()
    rank = order.groupby(rows["complexity"]).rank()
    drawn = rows.loc[rank.sort_values(kind="stable").index[:count]]
    return [Gold(*line) for line in drawn[["context", "answer", "dialect"]].itertuples(index=False)]


def spider_golds(count: int, seed: int) -> list[Gold]:
    """Make queries over `CONTEXTS`, the patterns in turn."""
    random = Random(seed)
    found: dict[Gold, None] = {}
    while len(found) < count:
        for pattern in PATTERNS:
            context = random.choice(CONTEXTS)
            found[Gold(context, pattern(_Names(parse_schema(context, "mysql"), random)), "mysql")] = None
    return list(found)[:count]


class _Names:
    """Draws tables, columns and constants of one schema for a pattern."""

    def __init__(self, schema: Schema, random: Random) -> None:
        self.schema, self.random = schema, random
        self.child, self.key = random.choice([(t, k) for t in schema.tables.values() for k in t.foreign_keys])
        self.parent = schema.tables[self.key.table]
        self.table = random.choice(list(schema.tables.values()))

    def link(self) -> str:
        """FROM child and parent."""
        return (
            f"{self.child.name} AS T1 JOIN {self.parent.name} AS T2 "
            f"ON T1.{self.key.columns[0]} = T2.{self.key.referenced[0]}"
        )

    def column(self, table: Any, *families: str, but: str = "") -> str:
        """A column that is no key, of one of the families, or any plain one if the table has none."""
        keys = {c for k in (table.primary_key, *(k.columns for k in table.foreign_keys)) for c in k}
        plain = [c for c in table.columns.values() if c.name not in keys and c.name != but]
        chosen = [c for c in plain if not families or c.family in families] or plain or list(table.columns.values())
        return str(self.random.choice(chosen).name)

    def test(self, table: Any, prefix: str = "", but: str = "") -> str:
        """A condition on a column."""
        name = self.column(table, but=but)
        column: Column = table.columns[name]
        if column.family == "text":
            text = self.random.choice(TEXTS)
            form = self.random.choice(("= '{}'", "= '{}'", "!= '{}'", "LIKE '%{}%'"))
            return f"{prefix}{name} {form.format(text)}"
        if column.family == "date":
            return f"{prefix}{name} {self.random.choice('<>')} '2019-0{self.random.randint(1, 9)}-15'"
        number = self.random.choice((3, 20, 150, 1980, 2014))
        form = self.random.choice(("> {}", "< {}", ">= {}", "= {}", "BETWEEN {} AND {}"))
        return f"{prefix}{name} {form.format(number, number + self.random.choice((5, 40)))}"


def _count(n: _Names) -> str:
    return f"SELECT count(*) FROM {n.table.name} WHERE {n.test(n.table)}"


def _filtered(n: _Names) -> str:
    first = n.column(n.table)
    test = n.test(n.table)
    another = n.test(n.table, but=test.split()[0])
    word = n.random.choice(("AND", "OR"))
    return f"SELECT {first}, {n.column(n.table, but=first)} FROM {n.table.name} WHERE {test} {word} {another}"


def _distinct(n: _Names) -> str:
    return f"SELECT DISTINCT {n.column(n.table, 'text')} FROM {n.table.name} WHERE {n.test(n.table)}"


def _count_distinct(n: _Names) -> str:
    return f"SELECT count(DISTINCT {n.column(n.table, 'text')}) FROM {n.table.name}"


def _measures(n: _Names) -> str:
    c = n.column(n.table, "int", "real")
    return f"SELECT avg({c}), min({c}), max({c}) FROM {n.table.name} WHERE {n.test(n.table)}"


def _grouped(n: _Names) -> str:
    g = n.column(n.table, "text")
    measure = n.random.choice(
        ("count(*)", f"avg({n.column(n.table, 'int', 'real')})", f"max({n.column(n.table, 'int')})")
    )
    return f"SELECT {g}, {measure} FROM {n.table.name} GROUP BY {g}"


def _having(n: _Names) -> str:
    g, sign = n.column(n.table, "text"), n.random.choice((">", ">="))
    return f"SELECT {g} FROM {n.table.name} GROUP BY {g} HAVING count(*) {sign} {n.random.randint(1, 4)}"


def _sorted(n: _Names) -> str:
    c = n.column(n.table, "int", "real", "date")
    return f"SELECT {n.column(n.table, 'text')} FROM {n.table.name} ORDER BY {c} {n.random.choice(('ASC', 'DESC'))}"


def _top(n: _Names) -> str:
    c = n.column(n.table, "int", "real", "date")
    last = n.random.choice((1, 1, 3))
    return f"SELECT {n.column(n.table, 'text')} FROM {n.table.name} ORDER BY {c} DESC LIMIT {last}"


def _extreme(n: _Names) -> str:
    c = n.column(n.table, "int", "real")
    best = n.random.choice(("max", "min"))
    return (
        f"SELECT {n.column(n.table, 'text')} FROM {n.table.name} WHERE {c} = (SELECT {best}({c}) FROM {n.table.name})"
    )


def _above_mean(n: _Names) -> str:
    c = n.column(n.table, "int", "real")
    return f"SELECT {n.column(n.table, 'text')} FROM {n.table.name} WHERE {c} > (SELECT avg({c}) FROM {n.table.name})"


def _joined(n: _Names) -> str:
    return f"SELECT T1.{n.column(n.child)}, T2.{n.column(n.parent)} FROM {n.link()} WHERE {n.test(n.parent, 'T2.')}"


def _joined_groups(n: _Names) -> str:
    shown, key = n.column(n.parent, "text"), n.key
    return f"SELECT T2.{shown}, count(*) FROM {n.link()} GROUP BY T1.{key.columns[0]}"


def _joined_top(n: _Names) -> str:
    shown, key = n.column(n.parent, "text"), n.key
    return f"SELECT T2.{shown} FROM {n.link()} GROUP BY T1.{key.columns[0]} ORDER BY count(*) DESC LIMIT 1"


def _joined_having(n: _Names) -> str:
    shown, key = n.column(n.parent, "text"), n.key
    return f"SELECT T2.{shown} FROM {n.link()} GROUP BY T1.{key.columns[0]} HAVING count(*) >= {n.random.randint(2, 3)}"


def _absent(n: _Names) -> str:
    inner = f"SELECT {n.key.columns[0]} FROM {n.child.name}"
    return f"SELECT {n.column(n.parent)} FROM {n.parent.name} WHERE {n.key.referenced[0]} NOT IN ({inner})"


def _nested(n: _Names) -> str:
    inner = f"SELECT {n.key.columns[0]} FROM {n.child.name} WHERE {n.test(n.child)}"
    return f"SELECT {n.column(n.parent)} FROM {n.parent.name} WHERE {n.key.referenced[0]} IN ({inner})"


def _both(n: _Names) -> str:
    c, operation = n.column(n.table, "text"), n.random.choice(("INTERSECT", "EXCEPT", "UNION"))
    start = f"SELECT {c} FROM {n.table.name}"
    return f"{start} WHERE {n.test(n.table)} {operation} {start} WHERE {n.test(n.table)}"


def _except_joined(n: _Names) -> str:
    c = n.column(n.parent, "text")
    return f"SELECT {c} FROM {n.parent.name} EXCEPT SELECT T2.{c} FROM {n.link()} WHERE {n.test(n.child, 'T1.')}"


def _triple(n: _Names) -> str:
    for table in n.schema.tables.values():
        links = _links(n.schema, table.name)
        if len(links) == 2:
            (a, ka), (b, kb) = links
            return (
                f"SELECT T1.{n.column(n.schema.tables[a])} FROM {a} AS T1 JOIN {table.name} AS T2 ON {ka} "
                f"JOIN {b} AS T3 ON {kb} WHERE {n.test(n.schema.tables[b], 'T3.')}"
            )
    return _joined(n)


def _links(schema: Schema, middle: str) -> list[tuple[str, str]]:
    """The tables next to one, with the conditions that join them as T1 and T3 to it as T2."""
    found: list[tuple[str, str, str]] = []
    for key in schema.tables[middle].foreign_keys:
        found.append((key.table, key.columns[0], key.referenced[0]))
    for table in schema.tables.values():
        found += [(table.name, k.referenced[0], k.columns[0]) for k in _to(table.foreign_keys, middle)]
    return [(t, f"T2.{ours} = T{at}.{theirs}") for at, (t, ours, theirs) in zip((1, 3), found, strict=False)]


def _to(keys: tuple[ForeignKey, ...], table: str) -> Iterator[ForeignKey]:
    return (k for k in keys if k.table == table)


PATTERNS = (
    *(_count, _filtered, _distinct, _count_distinct, _measures, _grouped, _having, _sorted, _top, _extreme),
    *(_above_mean, _joined, _joined_groups, _joined_top, _joined_having, _absent, _nested, _both, _except_joined),
    _triple,
)
