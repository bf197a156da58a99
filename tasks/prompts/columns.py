"""A schema as tables and columns: what a model needs of the DDL to write a query, in half the tokens.

    CREATE TABLE players (id INT AUTO_INCREMENT PRIMARY KEY, nickname VARCHAR(50) NOT NULL, guild_id INT,
      FOREIGN KEY (guild_id) REFERENCES guilds (id));

becomes

    players(id, nickname, guild_id -> guilds.id)
"""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


@lru_cache(maxsize=4096)
def tables_and_columns(context: str, dialect: str = "mysql") -> str:
    """One line a table; a context that is no DDL is returned as it is."""
    return "\n".join(_line(schema) for schema in _schemas(context, dialect)) or context


@lru_cache(maxsize=4096)
def names(context: str, dialect: str = "mysql") -> dict[str, list[str]]:
    """The columns of each table by their names; none in a context that is no DDL."""
    schemas = _schemas(context, dialect)
    return {schema.this.name: [column.name for column in schema.find_all(exp.ColumnDef)] for schema in schemas}


def _schemas(context: str, dialect: str) -> list[exp.Schema]:
    try:
        statements = sqlglot.parse(context, read=dialect)
    except (SqlglotError, RecursionError):
        return []
    return [s.this for s in statements if isinstance(s, exp.Create) and isinstance(s.this, exp.Schema)]


def _line(schema: exp.Schema) -> str:
    points_to = {}
    for key in schema.find_all(exp.ForeignKey):
        points_to.update(_targets([column.name for column in key.expressions], key.args["reference"]))
    names = []
    for column in schema.find_all(exp.ColumnDef):
        for reference in column.find_all(exp.Reference):
            points_to.update(_targets([column.name], reference))
        target = points_to.get(column.name)
        names.append(f"{column.name} -> {target}" if target else column.name)
    return f"{schema.this.name}({', '.join(names)})"


def _targets(columns: list[str], reference: exp.Expression) -> dict[str, str]:
    table = reference.this
    names = [column.name for column in table.expressions] if isinstance(table, exp.Schema) else []
    # Without named columns a foreign key points to the other table's primary key.
    return {
        column: f"{table.this.name}.{names[i]}" if i < len(names) else str(table.this.name)
        for i, column in enumerate(columns)
    }
