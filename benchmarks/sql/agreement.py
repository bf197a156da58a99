"""One query on our SQLite engine and on the database it is written for: do they agree."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

import sqlglot
from sqlglot.errors import SqlglotError

from tasks.sql.dialect import translate
from tasks.sql.functions import fold
from tasks.sql.parsing import Refused
from tasks.sql.sandbox import open_database, run_query
from tasks.sql.schema import Schema

# 'same', 'both refuse' and 'unsupported' agree. 'differs': other rows. 'answers alone': ours answers what the real
# one refuses. 'refuses alone': ours calls a query wrong that the real one answers.
OUTCOMES = ("same", "both refuse", "unsupported", "differs", "answers alone", "refuses alone")
SILENT = ("differs", "answers alone")


class Real(Protocol):
    """The database a dialect belongs to."""

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows as its driver hands them over; raises Refused."""


class RealSqlite:
    """A plain SQLite, for SQLite's own queries."""

    def __init__(self, ddl: str, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(ddl)
        for table, lines in rows.items():
            marks = ", ".join("?" * len(lines[0]))
            self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", lines)

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one query."""
        try:
            return self.connection.execute(sql).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise Refused("invalid", str(error)) from None


class Ours:
    """Our SQLite engine over the same rows."""

    def __init__(self, schema: Schema, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        self.schema = schema
        self.connection = open_database(schema, rows)

    def compare(self, sql: str, real: Real) -> tuple[str, str]:
        """The outcome, one of `OUTCOMES`, and what either side said."""
        got: Any = None
        ordered = folded = False
        try:
            query = translate(sql, self.schema, self.schema.dialect)
            ordered, folded = query.ordered, query.merges
            got = run_query(self.connection, query.sql, 5.0)
            said = ""
        except Refused as refused:
            if refused.outcome == "unsupported":
                return "unsupported", refused.reason
            said = refused.reason
        try:
            wanted = real.raw(sql)
        except Refused as refused:
            return ("both refuse" if got is None else "answers alone"), f"{said or got} | {refused.reason}"
        if got is None:
            return "refuses alone", f"{said} | {wanted[:4]}"
        if alike(got, wanted, ordered, folded):
            return "same", ""
        return "differs", f"ours {got[:9]} | real {wanted[:9]} | {query.sql}"


class Transpiled:
    """The peer: sqlglot's own translation, run on a plain SQLite with the same rows."""

    def __init__(self, ddl: str, rows: Mapping[str, Sequence[tuple[Any, ...]]], dialect: str) -> None:
        self.dialect = dialect
        plain = re.sub(r"ENUM\([^)]*\)", "VARCHAR(40)", ddl)  # sqlglot hands ENUM through, which SQLite cannot read
        tables = ";".join(sqlglot.transpile(plain, read=dialect, write="sqlite"))
        self.plain = RealSqlite(tables, rows)

    def compare(self, sql: str, real: Real) -> str:
        """'same', 'both refuse', 'refuses alone', or one of `SILENT`."""
        try:
            got = self.plain.raw(sqlglot.transpile(sql, read=self.dialect, write="sqlite")[0])
        except (Refused, SqlglotError):
            got = None
        try:
            wanted = real.raw(sql)
        except Refused:
            return "both refuse" if got is None else "answers alone"
        if got is None:
            return "refuses alone"
        ordered = sqlglot.parse_one(sql, read=self.dialect).args.get("order") is not None
        return "same" if alike(got, wanted, ordered, False) else "differs"


def alike(got: Sequence[Any], wanted: Sequence[Any], ordered: bool, folded: bool) -> bool:
    """Whether our rows are the real ones: a DECIMAL to its last digit shown, a double to nine digits."""
    if len(got) != len(wanted):
        return False
    if not ordered:
        got, wanted = (sorted(rows, key=lambda row: [_rough(v, folded) for v in row]) for rows in (got, wanted))
    return all(
        len(a) == len(b) and all(_same(x, y, folded) for x, y in zip(a, b, strict=True))
        for a, b in zip(got, wanted, strict=True)
    )


def _text(value: Any) -> Any:
    """A driver's moment as SQLite would show it."""
    match value:
        case datetime():
            return value.replace(tzinfo=None).isoformat(" ").rstrip("0") if value.microsecond else _whole(value)
        case date():
            return value.isoformat()
        case time():
            return value.isoformat().rstrip("0") if value.microsecond else value.isoformat()
        case timedelta():
            return value
        case bytes():
            return value.decode("utf-8", "replace")
        case bool():
            return int(value)
    return value


def _whole(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ")


def _rough(value: Any, folded: bool) -> tuple[int, Any]:
    """A sort key under which equal values of both sides stand at the same place."""
    value = _text(value)
    if value is None:
        return (0, 0)
    if isinstance(value, timedelta):
        value = value / timedelta(microseconds=1)
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return (1, float(f"{number:.4g}") if abs(number) >= 1 else round(number, 3))
    return (2, fold(str(value)) if folded else str(value))


def _same(got: Any, wanted: Any, folded: bool) -> bool:
    got, wanted = _text(got), _text(wanted)
    if got is None or wanted is None:
        return got is wanted
    if isinstance(wanted, timedelta):
        if isinstance(got, str):
            return got == str(wanted).rjust(8, "0")
        return bool(got == wanted / timedelta(microseconds=1))
    if isinstance(got, str) != isinstance(wanted, str):
        return False
    if isinstance(wanted, str):
        return bool(got == wanted) or (folded and fold(got) == fold(wanted))
    if isinstance(wanted, Decimal):
        exponent = wanted.as_tuple().exponent
        last = 10.0 ** (exponent if isinstance(exponent, int) else 0)
        return abs(float(wanted) - got) <= 0.51 * last or math.isclose(got, wanted, rel_tol=1e-9)
    return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12)
