"""What the names in a query stand for: tables, derived tables and CTEs with the types of their columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres.types import Typed, type_of
from tasks.sql.schema import Schema

ColumnTypes = dict[str, tuple[str, int | None] | None]


@dataclass
class Scope:
    """One SELECT's sources; `outer` is that of the query around it, `ctes` what WITH has named so far."""

    schema: Schema
    outer: Scope | None = None
    ctes: dict[str, ColumnTypes] = field(default_factory=dict)
    sources: dict[str, ColumnTypes] = field(default_factory=dict)

    def inner(self) -> Scope:
        """The scope of a subquery."""
        return Scope(self.schema, self, dict(self.ctes))

    def table(self, name: str) -> ColumnTypes:
        """Columns of a CTE or a table."""
        if name in self.ctes:
            return self.ctes[name]
        columns: ColumnTypes = {}
        for column in self.schema.tables[name].columns.values():
            columns[column.name] = type_of(column.declared) if column.declared else None
        return columns

    def column(self, node: object, table: str, name: str) -> Typed:
        """A qualified column.

        Raises:
            Refused: nobody knows it, or its type is not translated.
        """
        if not table:  # DISTINCT ON, whose names nobody has resolved
            holders = [alias for alias, columns in self.sources.items() if name in columns]
            if len(holders) != 1:
                raise unsupported(f"{name} without its table")
            table = holders[0]
            node = exp.column(name, table=table, quoted=True)
        scope: Scope | None = self
        while scope is not None:
            if table in scope.sources:
                if name not in scope.sources[table]:
                    raise invalid(f"unknown column: {table}.{name}")
                found = scope.sources[table][name]
                if found is None:
                    raise unsupported(f"the type of column {table}.{name}")
                return Typed(node, *found)
            scope = scope.outer
        raise invalid(f"unknown column: {table}.{name}")
