"""What a SQLite connection needs to answer as a dialect's own database would: functions, collation, column types."""

from __future__ import annotations

import sqlite3

from tasks.sql import text_functions
from tasks.sql.foreign import FUNCTIONS
from tasks.sql.postgres import runtime
from tasks.sql.schema import Column

_NUMBERS = {"int": "INTEGER", "real": "REAL"}

# Functions that translated queries may call beside SQLite's own window functions and aggregates.
CALLED = (
    set(text_functions.SCALARS)
    | set(text_functions.AGGREGATES)
    | {"my_sum"}
    | set(runtime.SCALARS)
    | set(runtime.AGGREGATES)
    | set(runtime.WINDOWS)
    | {name.lower() for name in FUNCTIONS["sqlite"]}
)


def register(connection: sqlite3.Connection, dialect: str) -> None:
    """Give a connection the functions of a dialect; SQLite's own queries run on SQLite's own."""
    if dialect == "mysql":
        text_functions.register(connection)
    elif dialect == "postgres":
        runtime.register(connection)


def column_type(column: Column, dialect: str) -> str:
    """The type of a column of a generated database."""
    if dialect == "sqlite":
        return column.declared  # decides its affinity
    collation = f" COLLATE {text_functions.COLLATION}" if dialect == "mysql" else ""
    return _NUMBERS.get(column.family, f"TEXT{collation}")
