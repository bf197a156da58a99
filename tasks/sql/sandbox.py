"""One query on one in-memory SQLite database: read only, within a budget, its whole answer or an error."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

from tasks.sql import engines
from tasks.sql.budget import exhausted
from tasks.sql.parsing import Refused, invalid, unsupported
from tasks.sql.schema import Schema
from tasks.sql.text_functions import Value

MAX_ROWS = 20_000
ROWS_A_PART = 500
STEPS_PER_CHECK = 20_000  # SQLite's virtual machine runs about 30 million steps a second

# SQLite's own functions that cannot write, read files or make huge values.
NATIVE = frozenset(
    (
        *("abs", "avg", "coalesce", "count", "cume_dist", "dense_rank", "first_value", "iif", "ifnull", "lag"),
        *("last_value", "lead", "like", "max", "min", "nth_value", "ntile", "nullif", "percent_rank", "rank"),
        *("row_number", "sum"),
    )
)
FUNCTIONS = NATIVE | engines.CALLED

Row = tuple[Value, ...]
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}


def open_database(schema: Schema, rows: Mapping[str, Sequence[Row]]) -> sqlite3.Connection:
    """Make an in-memory database and close it to writes.

    Keys and constraints are left out: the rows meet them already, and without an index the order in which SQLite
    finds rows is the order in which they were inserted.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=8, check_same_thread=False)
    engines.register(connection, schema.dialect)
    connection.execute("PRAGMA hard_heap_limit=268435456")
    connection.execute("PRAGMA temp_store=MEMORY")  # else large sorts go to files
    connection.execute("BEGIN")
    for table in schema.tables.values():
        columns = ", ".join(
            f"{_quoted(c.name)} {engines.column_type(c, schema.dialect)}" for c in table.columns.values()
        )
        connection.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
        marks = ", ".join("?" * len(table.columns))
        connection.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({marks})", rows.get(table.name, ()))
    connection.execute("COMMIT")
    for limit, value in (
        (sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 200_000),
        (sqlite3.SQLITE_LIMIT_COLUMN, 500),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 300),
        (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 30),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
    ):
        connection.setlimit(limit, value)
    connection.set_authorizer(_authorize)
    return connection


def run_query(connection: sqlite3.Connection, sql: str, timeout_s: float) -> list[Row]:
    """Run a translated query to its last row.

    Raises:
        Refused: 'invalid' for a query that is too slow, answers more than `MAX_ROWS` rows or fails on these rows;
            'unsupported' for a refusal of SQLite that the query's own database may not share.
    """
    deadline = time.process_time() + timeout_s

    def stopped(steps: int = STEPS_PER_CHECK) -> bool:
        return exhausted(steps) or time.process_time() > deadline

    connection.set_progress_handler(stopped, STEPS_PER_CHECK)
    rows: list[Row] = []
    try:
        with closing(connection.execute(sql)) as cursor:
            # In parts: rows of long texts take more time in Python than steps in SQLite.
            while part := cursor.fetchmany(ROWS_A_PART):
                rows += part
                if len(rows) > MAX_ROWS:
                    raise invalid(f"too slow: more than {MAX_ROWS:,} rows")
                if stopped(0):
                    raise invalid("too slow")
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, MemoryError) as error:
        raise explain(error) from None
    finally:
        connection.set_progress_handler(None, 0)
    return rows


def explain(error: Exception) -> Refused:
    """A SQLite error as an outcome."""
    message = str(error) or type(error).__name__
    low = message.lower()
    if "interrupted" in low:
        return invalid("too slow")
    if "user-defined aggregate's 'step' method raised error" in low:
        return invalid("fails on some rows: a subquery used as a value returns more than one row")
    if "user-defined" in low or "too big" in low or isinstance(error, MemoryError) or "out of memory" in low:
        return invalid("fails on some rows: a value is too large")
    if "misuse of" in low:
        return invalid(f"syntax error: {message}")
    if "no such column" in low or "ambiguous column" in low:
        return invalid(f"unknown column: {message.split(':')[-1].strip()}")
    if "not authorized" in low or "prohibited" in low:
        return invalid("not one read-only query")
    return unsupported(message)


def _authorize(action: int, first: str | None, second: str | None, database: str | None, view: str | None) -> int:
    if action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() in FUNCTIONS):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def close_all(connections: Iterable[sqlite3.Connection]) -> None:
    """Give the memory of databases back."""
    for connection in connections:
        connection.close()
