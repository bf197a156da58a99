"""Small databases made for one gold query: rows that pass its tests, rows that nearly do, and the odd cases.

The same context, gold query, seed and number always give the same rows (no set order, no hash seed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

from sqlglot import exp

from tasks.sql.config import SqlConfig
from tasks.sql.functions import fold
from tasks.sql.harvest import Harvest, harvest
from tasks.sql.layout import emptied, parents_first, pools_of, with_implied_keys
from tasks.sql.sandbox import Row
from tasks.sql.schema import Column, Schema, Table
from tasks.sql.text_functions import Value
from tasks.sql.values import extreme, numbered, ranked

Rows = dict[str, list[Row]]

# By database: how strongly rows lean towards passing all tests (some need many such rows, some few).
LEANINGS = (0.9, 0.6, 0.97, 0.3, 0.8)
SURE = 1  # a row of each table that passes for certain: the second, as the first of a tree has no other to refer to
PROBES = 2  # from this row on rows take the values around a test one by one
FEW_ROWS, MOST_ROWS, LARGE_ROWS = 8, 60, 400


def generate(schema: Schema, gold: exp.Query, config: SqlConfig) -> Iterator[Rows]:
    """Make `config.databases` databases for a resolved gold query.

    Yields:
        For each database the rows of each table, in the order of the table's columns. Keys, NOT NULL, lengths and
        foreign keys hold; CHECK constraints are not looked at.
    """
    return fill(schema, harvest(gold, schema), f"{config.seed}\n{gold.sql()}", config.databases)


def fill(schema: Schema, found: Harvest, seed: str, count: int) -> Iterator[Rows]:
    """Make `count` databases for what a query was found to look at."""
    schema = with_implied_keys(schema, found)
    text = f"{seed}\n{sorted(schema.types().items(), key=lambda item: item[0])}"
    root = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    for index in range(count):
        yield _Maker(schema, found, index, count, Random(f"{root}{index}")).make()


def reordered(rows: Rows) -> Rows:
    """The same rows, each table's inserted in reverse, which turns round every pair that a sort leaves tied."""
    return {name: table[::-1] for name, table in rows.items()}


class _Maker:
    """One database in the making."""

    def __init__(self, schema: Schema, found: Harvest, index: int, total: int, rng: Random) -> None:
        self.schema, self.found, self.index, self.rng = schema, found, index, rng
        self.leaning = LEANINGS[index % len(LEANINGS)]
        self.nulls = (0.0, 0.12, 0.05, 0.25)[index % 4]
        self.spread = index % 3 == 0  # no ties in what sorts the rows
        self.flat = index % 10 == 6  # all rows alike in numbers: each is the extreme and the mean
        self.cased = index % 7 == 3  # texts in another case, here only: they make answers depend on row order
        sizes = sorted({s for n in found.sizes for s in (n - 1, n, n + 1, n + 3) if s >= 0}) or [1, 2, 3]
        self.sizes = sizes[index % len(sizes) :] + sizes[: index % len(sizes)] + [0]
        largest = max(found.sizes, default=2)
        cap = LARGE_ROWS if index % 5 == 2 else MOST_ROWS
        self.count = min(max(FEW_ROWS + index % 5, 3 * largest + 6), cap)
        self.shared = pools_of(schema, found, rng)
        self.made: Rows = {}
        self.passing: set[tuple[str, Row]] = set()  # rows that pass every test, preferred as parents
        self.empty = emptied(schema, found, rng) if index == total - 1 and total > 1 else set()

    def make(self) -> Rows:
        """All tables' rows."""
        for table in parents_first(self.schema):
            self.made[table.name] = [] if table.name in self.empty else self._rows(table)
        return {name: self.made[name] for name in self.schema.tables}

    def _rows(self, table: Table) -> list[Row]:
        count = self.count if table.name in self.found.tables else 4
        names = list(table.columns)
        parents = [self._parent_rows(table, i) for i in range(len(table.foreign_keys))]
        led = self._led_by(table)
        probes = self._probes(table, count)
        plans = [self._plan(table, i, parents[i], count, len(probes), blocks=i == led) for i in range(len(parents))]
        blocks = {c: self._blocks(table, c, count) for c in names if (table.name, c) in self.found.grouped}
        once = any(len(key) == 1 and (table.name, key[0]) in self.found.tests for key in table.unique)
        rows: list[Row] = []
        seen: list[set[tuple[Value, ...]]] = [set() for _ in table.unique]
        for number in range(count):
            passing = self.rng.random() < self.leaning or number == SURE
            probe = probes.get(number)
            cells = self._cells(table, number, blocks, passing, probe)
            for key, parent, plan in zip(table.foreign_keys, parents, plans, strict=True):
                self._refer(table, key.columns, parent, plan[number] if plan else None, cells, rows)
            row = tuple(cells[name] for name in names)
            if any(c is None and not table.columns[n].nullable for n, c in cells.items()):
                continue
            if self._unique(table, cells, seen):
                rows.append(row)
                # Of rows with a unique value that is asked for, only this one has that very value.
                if probe or (passing and (number == SURE or not once)):
                    self.passing.add((table.name, row))
        self.rng.shuffle(rows)
        return rows

    def _probes(self, table: Table, count: int) -> dict[int, tuple[str, Value]]:
        """Row numbers and the one cell that each takes: every value around a test, in turn over the databases."""
        values = [
            (name, value)
            for name, column in table.columns.items()
            if (table.name, name) in self.found.tests and not (column.family == "int" and (name,) in table.unique)
            for value in dict.fromkeys([*self.shared[(table.name, name)][0], *self.shared[(table.name, name)][1]])
        ]
        most = min(len(values), max(2, count // 3))
        return {PROBES + i: values[(self.index * most + i) % len(values)] for i in range(most)}

    def _cells(
        self,
        table: Table,
        number: int,
        blocks: dict[str, list[Value]],
        passing: bool,
        probe: tuple[str, Value] | None,
    ) -> dict[str, Value]:
        """One row: values that pass, or one of them replaced (a near miss), or values as they come."""
        tested = [c for c in table.columns if (table.name, c) in self.found.tests]
        # A near miss spoils one test; the tests of an OR need several spoiled at once.
        share = self.rng.choice((0.0, 0.5, 1.0))
        spoiled = (
            [] if passing else [c for c in tested if self.rng.random() < share] or [self.rng.choice(tested or [""])]
        )
        if probe:  # beside the value that is tried the other tests pass, or all fail (which an OR needs)
            spoiled = tested if self.index % 3 == 2 else []
        kept = [c for c in tested if c not in spoiled]
        cells: dict[str, Value] = {}
        for name, column in table.columns.items():
            hits, misses = self.shared[(table.name, name)]
            if (name,) in table.unique and column.family == "int":
                cells[name] = self._key(table.name, name, number, hits, misses)
            elif name in blocks:
                cells[name] = blocks[name][number]
            elif column.nullable and name not in kept and self.rng.random() < self.nulls:
                cells[name] = None
            elif hits or misses:
                pool = hits if name in kept else [*hits, *misses]
                cells[name] = self._value(table, column, pool, number, name in tested, probe is not None)
            else:
                cells[name] = None
        if probe:
            cells[probe[0]] = probe[1]
        return cells

    def _value(
        self, table: Table, column: Column, pool: list[Value], number: int, tested: bool, probing: bool
    ) -> Value:
        """One of a pool's values; of unique, ranked and flat columns another that serves what they are there for."""
        single = (column.name,) in table.unique
        ranks = (table.name, column.name) in self.found.ranked and not tested
        if self.flat and not tested and not single and column.family in ("int", "real"):
            pool = pool[:1]
        value = self.rng.choice(pool)
        if single:
            value = pool[0] if number == SURE and tested else numbered(column, value, number, count=len(pool))
        elif ranks and probing:
            value = extreme(column, pool, number, highest=self.index % 4 < 2)
        elif ranks and self.spread:
            value = ranked(column, pool, number)
        if self.cased and isinstance(value, str) and not column.values and self.rng.random() < 0.3:
            value = value.swapcase()
        return value

    def _key(self, table: str, name: str, number: int, hits: list[Value], misses: list[Value]) -> Value:
        """Key values 1, 2, 3...; those the query asks for come early."""
        wanted = list(dict.fromkeys([*hits, *misses])) if (table, name) in self.found.tests else []
        fixed = [w for w in wanted if isinstance(w, int) and w > 0]
        return fixed[number] if number < len(fixed) else number + 1 + (max(fixed, default=0))

    def _blocks(self, table: Table, name: str, count: int) -> list[Value]:
        """A grouped column's cells: runs of equal values as long as the sizes that matter."""
        hits, misses = self.shared[(table.name, name)]
        pool = list(dict.fromkeys([*hits, *misses])) or [None]
        cells: list[Value] = []
        for i, size in enumerate(self.sizes * (count + 1)):
            cells += [pool[i % len(pool)]] * size
            if len(cells) >= count or (i >= len(self.sizes) and not any(self.sizes)):
                break
        return (cells + [pool[0]] * count)[:count]

    def _led_by(self, table: Table) -> int:
        """The foreign key by which this table's rows come in groups of sizes that matter."""
        keys = table.foreign_keys
        referring = {c for k in keys for c in k.columns}
        if any((table.name, c) in self.found.grouped for c in table.columns if c not in referring):
            return -1  # its own column makes the groups
        grouped = [
            i
            for i, k in enumerate(keys)
            if any((k.table, c) in self.found.grouped for c in self.schema.tables[k.table].columns)
            or any((table.name, c) in self.found.grouped for c in k.columns)
        ]
        choice = grouped or list(range(len(keys)))
        return self.rng.choice(choice) if choice else 0

    def _plan(self, table: Table, key: int, parents: list[Row], count: int, probes: int, blocks: bool) -> list[int]:
        """Which parent row each child row refers to, passing parents first.

        In blocks: groups of the sizes that matter, some parents left without children. Otherwise round robin, so
        that pairs of keys stay distinct.
        """
        if not parents:
            return []
        foreign = table.foreign_keys[key]
        good = self._passing_keys(foreign.table, foreign.referenced)
        order = list(range(len(parents)))
        self.rng.shuffle(order)
        order.sort(key=lambda i: parents[i] not in good)
        # In every third database the rows that try a value have a parent of their own.
        alone = order[1 : 2 * probes + 1 : 2] if self.index % 3 == 1 and len(order) > 2 * probes else []
        order = [i for i in order if i not in alone]
        plan: list[int] = []
        if not blocks:
            few = max(1, min(len(order), max(self.sizes) + 1))
            near = order if self.rng.random() < 0.5 else order[:few]
            plan = [near[i % len(near)] for i in range(count)]
        for i, size in enumerate(self.sizes * len(order)):
            if len(plan) >= count:
                break
            plan += [order[i % len(order)]] * size
        plan = (plan + [order[0]] * count)[:count]
        plan[PROBES : PROBES + len(alone)] = alone
        return plan

    def _passing_keys(self, table: str, columns: tuple[str, ...]) -> set[Row]:
        at = [list(self.schema.tables[table].columns).index(c) for c in columns]
        return {tuple(row[i] for i in at) for row in self.made.get(table, []) if (table, row) in self.passing}

    def _parent_rows(self, table: Table, key: int) -> list[Row]:
        foreign = table.foreign_keys[key]
        target = self.schema.tables[foreign.table]
        if target.name == table.name or target.name not in self.made:
            return []
        at = [list(target.columns).index(c) for c in foreign.referenced]
        found = [tuple(row[i] for i in at) for row in self.made[target.name]]
        return [row for row in found if None not in row]

    def _refer(
        self,
        table: Table,
        columns: tuple[str, ...],
        parents: list[Row],
        chosen: int | None,
        cells: dict[str, Value],
        rows: list[Row],
    ) -> None:
        if chosen is not None:
            optional = all(table.columns[c].nullable for c in columns)
            none = optional and self.rng.random() < self.nulls
            cells.update(dict.fromkeys(columns) if none else zip(columns, parents[chosen], strict=True))
            return
        foreign = next(k for k in table.foreign_keys if k.columns == columns)
        if foreign.table == table.name and (rows or not all(table.columns[c].nullable for c in columns)):
            # A tree within one table: refer to an earlier row, or to itself where it must refer to one.
            names = list(table.columns)
            known = dict(zip(names, self.rng.choice(rows), strict=True)) if rows else cells
            cells.update({c: known[r] for c, r in zip(columns, foreign.referenced, strict=True)})
        else:
            cells.update(dict.fromkeys(columns))

    def _unique(self, table: Table, cells: dict[str, Value], seen: list[set[tuple[Value, ...]]]) -> bool:
        found = [tuple(fold(v) if isinstance(v := cells[c], str) else v for c in key) for key in table.unique]
        whole = [(value, known) for value, known in zip(found, seen, strict=True) if None not in value]
        if any(value in known for value, known in whole):
            return False
        for value, known in whole:
            known.add(value)
        return True
