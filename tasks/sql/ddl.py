"""Contexts that are no schema: what sqlglot reads leniently and no server takes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import sqlglot
from sqlglot import exp

from tasks.sql.parsing import invalid

_PASSED_OVER = ("SET", "USE", "LOCK", "UNLOCK", "COMMENT", "GRANT", "PRAGMA", "BEGIN", "START", "COMMIT", "ANALYZE")
_STATEMENTS = (
    *(exp.Create, exp.Alter, exp.Insert, exp.Set, exp.Use, exp.Comment, exp.Drop, exp.Pragma, exp.Semicolon),
    *(exp.Transaction, exp.Commit, exp.Grant),
)


def refuse_statement(statement: exp.Expr, dialect: str) -> None:
    """Refuse a statement that is none of a schema's, e.g. CREATE TABEL.

    Raises:
        Refused: quotes its beginning.
    """
    if isinstance(statement, exp.Command):
        word = str(statement.this).upper()
        if word in _PASSED_OVER or _is_known_create(statement):
            return
    elif isinstance(statement, _STATEMENTS):
        return
    raise invalid(f"syntax error: not a statement of a schema: {statement.sql(dialect)[:60]}")


def _is_known_create(command: exp.Command) -> bool:
    """CREATE of what holds no columns, which sqlglot keeps as plain text."""
    words = str(command.args.get("expression") or "").split()[:3]
    known = {"EXTENSION", "SEQUENCE", "SCHEMA", "DATABASE", "ROLE", "USER", "DOMAIN"}
    return str(command.this).upper() == "CREATE" and bool(known & {w.upper() for w in words})


def refuse_stray_commas(context: str, dialect: str) -> None:
    """Refuse ',,', '(,' and ',)', over which sqlglot reads in a list of columns.

    Raises:
        Refused: says where.
    """
    tokens = sqlglot.tokenize(context, read=dialect)
    for token, following in pairwise(tokens):
        kinds = (token.token_type.name, following.token_type.name)
        if kinds in (("COMMA", "COMMA"), ("L_PAREN", "COMMA"), ("COMMA", "R_PAREN")):
            raise invalid(f"syntax error: stray comma. Line {following.line}, Col: {following.col}.")


def refuse_table(schema: exp.Schema, dialect: str) -> None:
    """Refuse definitions that say nothing: PRIMARY KEY of no column, a name alone, keys over unknown columns.

    Raises:
        Refused: names the table and what is wrong with it.
    """
    table = schema.this.name
    if not schema.expressions:
        raise invalid(f"syntax error: table {table} has no columns")
    columns = {item.name.lower() for item in schema.expressions if isinstance(item, exp.ColumnDef)}
    for item in schema.expressions:
        if isinstance(item, exp.ColumnDef):
            _refuse_type(table, item, dialect)
        elif isinstance(item, exp.Identifier):
            if dialect != "sqlite":  # there a column needs no type
                raise invalid(f"syntax error: column {table}.{item.name} has no type")
        elif isinstance(item, exp.ColumnConstraintKind) and not item.args.get("this"):
            raise invalid(f"syntax error: {item.sql(dialect)} of no column in table {table}")
        elif isinstance(item, exp.Func | exp.Column | exp.Literal):
            raise invalid(f"syntax error: {item.sql(dialect)[:60]} in table {table}")
        for name in _key_columns(item):
            if name not in columns:
                raise invalid(f"unknown column: {name}, in a key of table {table}")


def _refuse_type(table: str, item: exp.ColumnDef, dialect: str) -> None:
    kind = item.args.get("kind")
    if kind is None and dialect != "sqlite":
        raise invalid(f"syntax error: column {table}.{item.name} has no type")
    if dialect == "postgres" and kind is not None and kind.this == exp.DType.USERDEFINED:
        raise invalid(f"syntax error: type {kind.sql(dialect)} of column {table}.{item.name} does not exist")


def _key_columns(item: exp.Expr) -> list[str]:
    """Columns a table's key is made of."""
    nodes: list[Any] = list(item.find_all(exp.PrimaryKey, exp.ForeignKey))
    nodes += [u.this for u in item.find_all(exp.UniqueColumnConstraint) if isinstance(u.this, exp.Schema)]
    return [_plain(part).name.lower() for node in nodes for part in node.expressions]


def _plain(part: Any) -> Any:
    while isinstance(part, exp.Ordered | exp.Paren | exp.ColumnPrefix):
        part = part.this
    return part
