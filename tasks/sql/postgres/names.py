"""PostgreSQL's names: folded to lower case unless they are quoted."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.schema import Schema


def refuse_other_case(tree: exp.Query, schema: Schema) -> None:
    """Refuse a name whose case is not that of the schema, as names are compared without case from here on.

    Raises:
        Refused: names it.
    """
    exact = {name.lower(): name for name in schema.cased}
    seen: dict[str, str] = {}
    shown = {id(p.args["alias"]) for p in tree.selects if isinstance(p, exp.Alias)}
    for identifier in tree.find_all(exp.Identifier):
        name = identifier.name if identifier.quoted else identifier.name.lower()
        low = name.lower()
        if id(identifier) in shown and not any(tree.args.get(c) for c in ("order", "having", "group")):
            continue  # a heading that nothing refers to
        if low in exact and name != exact[low] and isinstance(identifier.parent, exp.Column | exp.Table):
            raise invalid(f"unknown column: {name} (quoted in the schema as {exact[low]})")
        if low not in exact and name != low and _is_schema_name(low, schema):
            raise invalid(f"unknown column: {name} (quoted names keep their case)")
        if seen.setdefault(low, name) != name:
            raise unsupported(f"names that differ in case only: {seen[low]}, {name}")


def _is_schema_name(low: str, schema: Schema) -> bool:
    return low in schema.tables or any(low in table.columns for table in schema.tables.values())
