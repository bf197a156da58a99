"""What PostgreSQL says of columns beside aggregates: grouped, or decided by a grouped primary key."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.parsing import invalid
from tasks.sql.postgres.types import Node
from tasks.sql.schema import Schema


def check(select: Node, schema: Schema) -> None:
    """Refuse a column of a grouped query that its groups do not decide.

    Raises:
        Refused: names the column.
    """
    group, having = select.args.get("group"), select.args.get("having")
    clauses = [*(p.unalias() for p in select.selects), having, select.args.get("order")]
    aggregated = any(_own_aggregate(c, select) for c in clauses if c is not None)
    where = select.args.get("where")
    if where is not None and _own_aggregate(where, select):
        raise invalid("syntax error: aggregate functions are not allowed in WHERE")
    if group is None and having is None and not aggregated:
        return
    keys = list(group.expressions) if group is not None else []
    if any(_own_aggregate(k, select) for k in keys):
        raise invalid("syntax error: aggregate functions are not allowed in GROUP BY")
    tables = {}
    for part in (select.args.get("from_"), *(select.args.get("joins") or [])):
        if part is not None:
            source = part.this
            tables[source.alias_or_name] = source.name if isinstance(source, exp.Table) else ""
    decided = _decided(keys, tables, schema)
    names = {p.alias: p.unalias() for p in select.selects if p.alias}
    for clause in clauses:
        if clause is not None:
            _covered(clause, select, keys, decided, set(tables), names)


def _own_aggregate(clause: Node, select: Node) -> bool:
    for node in clause.find_all(exp.AggFunc, exp.Anonymous):
        if isinstance(node, exp.Anonymous) and node.name.upper() != "EVERY":
            continue
        parent = node.parent.parent if isinstance(node.parent, exp.Filter) else node.parent
        if node.parent_select is select and not isinstance(parent, exp.Window):
            return True
    return False


def _decided(keys: list[Node], tables: dict[str, str], schema: Schema) -> set[str]:
    """Aliases of the tables whose whole primary key is among the keys."""
    grouped = {(k.table, k.name) for k in keys if isinstance(k, exp.Column)}
    found = set()
    for alias, name in tables.items():
        key = schema.tables[name].primary_key if name in schema.tables else ()
        if key and all((alias, column) in grouped for column in key):
            found.add(alias)
    return found


def _covered(
    node: Node, select: Node, keys: list[Node], decided: set[str], own: set[str], names: dict[str, Node]
) -> None:
    if any(node == key for key in keys):
        return
    windowed = isinstance(node.parent, exp.Window) and node.arg_key == "this"
    is_aggregate = isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.upper() == "EVERY")
    if is_aggregate and not windowed and node.parent_select is select:
        return
    if isinstance(node, exp.Filter):  # its condition belongs to the aggregate
        return
    if isinstance(node, exp.Column):
        if not node.table and node.name in names:
            return  # an alias, looked at where it is defined
        if node.table in own and node.table not in decided:
            raise invalid(f"syntax error: column {node.table}.{node.name} must be grouped or aggregated")
        return
    for child in node.iter_expressions():
        _covered(child, select, keys, decided, own, names)
