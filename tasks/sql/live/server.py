"""Schemas of our own on a server: made, filled, queried read only within a time limit, dropped."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from platform import node
from typing import Any

import sqlalchemy
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlglot import exp

from tasks.common.errors import InputError
from tasks.sql.functions import NOW
from tasks.sql.live import guard
from tasks.sql.parsing import Refused, invalid, parse_statements, unsupported
from tasks.sql.sandbox import MAX_ROWS, Row
from tasks.sql.schema import Column, Schema, Table

_DRIVERS = {"mysql": "pymysql", "mariadb": "pymysql", "postgresql": "psycopg"}
_DIALECTS = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgres"}
_MOMENT = int(datetime.fromisoformat(f"{NOW}+00:00").timestamp())
# MariaDB's and MySQL's numbers for a query that took too long, PostgreSQL's SQLSTATE for the same.
_TOO_SLOW = {1969, 3024, "57014"}
_UNKNOWN = {1054: "unknown column", 1146: "unknown table", "42703": "unknown column", "42P01": "unknown table"}
_READ_ONLY = {1792, 1290, "25006"}


def url_from(variable: str, dialect: str) -> str:
    """The URL that an environment variable holds, with its driver.

    Raises:
        InputError: the variable is not set, holds no URL, or one of another database than the queries are for.
    """
    text = os.environ.get(variable)
    if not text:
        raise InputError(f"sql.engine_url_env: the environment variable {variable} is not set")
    try:
        url = make_url(text)
    except ArgumentError:
        raise InputError(f"sql.engine_url_env: {variable} holds no SQLAlchemy URL") from None
    name = url.get_backend_name()
    if _DIALECTS.get(name) != dialect:
        raise InputError(f"sql.engine_url_env: {variable} is a URL of {name}, the queries are of {dialect}")
    if "+" not in url.drivername:
        url = url.set(drivername=f"{name}+{_DRIVERS[name]}")
    return url.render_as_string(hide_password=False)


def prefix(owner: int) -> str:
    """What the names of all schemas begin with that a process and its workers make."""
    machine = zlib.crc32(node().encode())
    return f"t2s_{machine:08x}_{owner}_"


class Server:
    """One connection to a server."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.dialect = _DIALECTS[make_url(url).get_backend_name()]
        self.timeout_s = timeout_s
        try:
            self._engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1)
            self._connection: Connection = self._engine.connect()
        except (SQLAlchemyError, NoSuchModuleError, ImportError) as error:
            where = make_url(url).render_as_string(hide_password=True)
            raise InputError(f"sql.engine_url_env: no connection to {where}: {_short(error)}") from None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
        self._engine.dispose()

    def create(self, name: str, schema: Schema, context: str) -> None:
        """Make a schema with the context's tables, empty, without foreign keys.

        Raises:
            Refused: the server does not take the context.
        """
        collation = " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci" if self.dialect == "mysql" else ""
        self._do(f"CREATE SCHEMA {name}{collation}")
        self.use(name)
        for statement in parse_statements(context, schema.dialect):
            if isinstance(statement, exp.Create) and str(statement.args["kind"]).upper() == "TABLE":
                try:
                    self._do(_bare(statement, schema, self.dialect))
                except SQLAlchemyError as error:
                    raise unsupported(f"the server does not take the context: {_short(error)}") from None

    def use(self, name: str) -> None:
        """Make unqualified names those of one schema."""
        self._do(f"USE {name}" if self.dialect == "mysql" else f"SET search_path TO {name}")

    def fill(self, schema: Schema, context: str, rows: dict[str, list[Row]]) -> None:
        """Put rows, in their order, in the place of what the current schema holds.

        Raises:
            Refused: the server does not take them.
        """
        for written in written_names(context, schema.dialect):
            table = schema.tables[written.lower()]
            name = _quoted(written, self.dialect)
            self._do(f"DELETE FROM {name}" if self.dialect == "mysql" else f"TRUNCATE {name}")
            lines = [_cells(table, row, self.dialect) for row in rows[table.name]]
            if lines:
                marks = ", ".join(["%s"] * len(table.columns))
                try:
                    self._connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", lines)
                except SQLAlchemyError as error:
                    raise unsupported(f"the server does not take the generated rows: {_short(error)}") from None

    def drop(self, name: str) -> None:
        """Drop a schema of ours, if it is there."""
        self._do(f"DROP SCHEMA IF EXISTS {name}{'' if self.dialect == 'mysql' else ' CASCADE'}")

    def drop_all(self, beginning: str) -> list[str]:
        """Drop every schema whose name begins so; their names."""
        found = self._connection.exec_driver_sql("SELECT schema_name FROM information_schema.schemata").all()
        names = [str(row[0]) for row in found if str(row[0]).startswith(beginning)]
        for name in names:
            self.drop(name)
        return names

    def run(self, sql: str) -> list[Row]:
        """Run one query in the current schema to its last row; values as SQLite would hand them over.

        Raises:
            Refused: 'invalid' for whatever the server refuses, is too slow, or answers more than `MAX_ROWS` rows.
        """
        return [tuple(_plain(value) for value in row) for row in self.raw(sql)]

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """As `run`, with the driver's own values.

        Raises:
            Refused: see `run`.
        """
        text = guard.frozen(sql, self.dialect)
        with self._reading():
            try:
                options = {"no_parameters": True, "stream_results": True}
                result = self._connection.exec_driver_sql(text, execution_options=options)
                rows = result.fetchmany(MAX_ROWS + 1)
                result.close()
            except SQLAlchemyError as error:
                raise _explained(error) from None
        if len(rows) > MAX_ROWS:
            raise invalid(f"too slow: more than {MAX_ROWS:,} rows")
        return [tuple(row) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A read-only transaction with a time limit and a clock that stands still."""
        limit = max(1, int(self.timeout_s * 1000))
        if self.dialect == "mysql":
            self._do(f"SET SESSION timestamp = {_MOMENT}, time_zone = '+00:00'")
            try:
                self._do(f"SET SESSION max_statement_time = {self.timeout_s}")  # MariaDB
            except SQLAlchemyError:
                self._do(f"SET SESSION max_execution_time = {limit}")  # MySQL
            self._do("START TRANSACTION READ ONLY")
        else:
            self._do(f"SET statement_timeout = {limit}")
            self._do("SET timezone = 'UTC'")
            self._do("BEGIN READ ONLY")
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):
                self._do("ROLLBACK")
                self._do(
                    "SET SESSION max_statement_time = 0" if self.dialect == "mysql" else "SET statement_timeout = 0"
                )

    def _do(self, sql: str) -> None:
        self._connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def written_names(context: str, dialect: str) -> list[str]:
    """Names of the context's tables as they are written, a name that is folded in its folded form."""
    tables = [
        s.this.this.this
        for s in parse_statements(context, dialect)
        if isinstance(s, exp.Create) and str(s.args["kind"]).upper() == "TABLE"
    ]
    return [t.name if dialect == "mysql" or t.args.get("quoted") else t.name.lower() for t in tables]


def _bare(statement: exp.Create, schema: Schema, dialect: str) -> str:
    """CREATE TABLE with columns, NOT NULL and the primary key alone."""
    kept = []
    table = schema.tables[statement.this.this.name.lower()]
    for item in statement.this.expressions:
        if not isinstance(item, exp.ColumnDef):
            continue
        column = table.columns[item.name.lower()]
        name = item.this.sql(dialect)
        collation = ' COLLATE "C"' if dialect == "postgres" and column.family == "text" and _is_text(column) else ""
        declared = "INT" if column.declared == "SERIAL" else column.declared
        kept.append(f"{name} {declared}{collation}{'' if column.nullable else ' NOT NULL'}")
    key = [i.this.sql(dialect) for i in statement.this.expressions if _in_key(i, table)]
    if key:
        kept.append(f"PRIMARY KEY ({', '.join(key)})")
    return f"CREATE TABLE {statement.this.this.sql(dialect)} ({', '.join(kept)})"


def _in_key(item: exp.Expr, table: Table) -> bool:
    if not isinstance(item, exp.ColumnDef) or item.name.lower() not in table.primary_key:
        return False
    # MySQL takes no key over a TEXT without a length.
    return not any(table.columns[c].declared.upper().endswith(("TEXT", "BLOB")) for c in table.primary_key)


def _is_text(column: Column) -> bool:
    return column.declared.upper().startswith(("VARCHAR", "TEXT", "CHAR", "BPCHAR", "NAME"))


def _quoted(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect)


def _cells(table: Table, row: Row, dialect: str) -> tuple[Any, ...]:
    if dialect == "mysql":
        return tuple(row)
    return tuple(
        bool(value) if column.boolean and value is not None else value
        for column, value in zip(table.columns.values(), row, strict=True)
    )


def _plain(value: Any) -> Any:
    """A driver's value as SQLite would hand it over."""
    match value:
        case bool():
            return int(value)
        case Decimal():
            return float(value)
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return moment.isoformat(" ")
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | memoryview():
            return bytes(value).decode("utf-8", "replace")
        case int() | float() | str() | None:
            return value
    return str(value)


def _code(error: SQLAlchemyError) -> Any:
    cause: Any = getattr(error, "orig", None)
    first = cause.args[0] if cause is not None and cause.args else None
    return first if isinstance(first, int) else getattr(cause, "sqlstate", None)


def _explained(error: SQLAlchemyError) -> Refused:
    code = _code(error)
    if code in _TOO_SLOW:
        return invalid("too slow")
    if code in _READ_ONLY:
        return invalid("not one read-only query")
    return invalid(f"{_UNKNOWN.get(code, 'the server says')}: {_short(error)}")


def _short(error: BaseException) -> str:
    cause: Any = getattr(error, "orig", None) or error
    told: Sequence[Any] = cause.args if len(cause.args) > 1 else [str(cause)]
    return str(told[-1]).split("\n", 1)[0][:200]
