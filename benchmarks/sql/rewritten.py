"""The same query written in other words: changes that keep every answer on every database of the schema.

A rewrite whose side conditions (a key, NOT NULL, no ties) are not met in the schema is not made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from benchmarks.sql import conditions
from benchmarks.sql.tree import (
    Change,
    Edit,
    Node,
    changed,
    column_of,
    column_table,
    inner_only,
    is_whole,
    put,
    tables_of,
)
from tasks.sql.schema import Schema


def rewrites(gold: str, schema: Schema, dialect: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, query) for every rewrite that applies and makes another text."""
    return changed(gold, REWRITES, schema, dialect)


def aliases(node: Node, schema: Schema) -> Iterator[Edit]:
    """Other names for all tables, every column with its table's."""
    if not isinstance(node, exp.Select) or not _alone(node) or not tables_of(node, schema):
        return
    owners = [(c.name, column_table(c, node, schema)) for c in node.find_all(exp.Column)]
    if all(owner for _, owner in owners):
        yield lambda n: _rename(n, schema)


def _alone(select: Node) -> bool:
    return not select.args.get("order") and all(s is select for s in select.find_all(exp.Select))


def _rename(select: Node, schema: Schema) -> None:
    fresh = {alias: f"x{number}" for number, alias in enumerate(tables_of(select, schema), 1)}
    owners = [(c, column_table(c, select, schema)) for c in select.find_all(exp.Column)]
    for column, owner in owners:
        column.set("table", exp.to_identifier(fresh[str(owner)]))
    for table in list(select.find_all(exp.Table)):
        table.set("alias", exp.TableAlias(this=exp.to_identifier(fresh[table.alias_or_name])))


def join_order(node: Node, schema: Schema) -> Iterator[Edit]:
    """Two inner-joined tables the other way round; LEFT JOIN as RIGHT JOIN."""
    if not isinstance(node, exp.Select) or len(node.args.get("joins", [])) != 1 or not tables_of(node, schema):
        return
    join = node.args["joins"][0]
    if join.args.get("on") is None or any(isinstance(p, exp.Star) for p in node.selects):
        return
    side = {"": None, "LEFT": "RIGHT", "RIGHT": "LEFT"}[join.side]

    def turn(select: Node) -> None:
        first, second = select.args["from_"].this, select.args["joins"][0].this
        select.args["from_"].set("this", second.copy())
        select.args["joins"][0].set("this", first.copy())
        select.args["joins"][0].set("side", side)

    yield turn


def comma_join(node: Node, schema: Schema) -> Iterator[Edit]:
    """JOIN ... ON as a comma and WHERE."""
    joins = node.args.get("joins") if isinstance(node, exp.Select) else None
    if not joins or not inner_only(node) or not tables_of(node, schema) or any(not j.args.get("on") for j in joins):
        return

    def fold(select: Node) -> None:
        links = [j.args["on"].copy() for j in select.args["joins"]]
        for join in select.args["joins"]:
            join.set("on", None)
            join.set("kind", None)
        select.where(*links, copy=False)

    yield fold


def derived_table(node: Node, _: Schema) -> Iterator[Edit]:
    """The whole query as a derived table or a CTE of one that shows all of it."""
    if not is_whole(node) or _orders(node) or not _names_once(node):
        return
    yield put(lambda n: exp.select("*").from_(n.copy().subquery("q")))
    yield put(lambda n: exp.select("*").from_("q").with_("q", as_=n.copy()))


def _orders(node: Node) -> bool:
    return any(node.args.get(k) for k in ("order", "limit", "with_"))


def _names_once(node: Node) -> bool:
    names = [p.alias_or_name.lower() for p in node.selects]
    return len(set(names)) == len(names) and all(names) and "*" not in names


def filtered_cte(node: Node, schema: Schema) -> Iterator[Edit]:
    """FROM a WHERE ... as a CTE that filters and a query that shows, for one table."""
    if not is_whole(node) or not isinstance(node, exp.Select) or node.args.get("joins") or _orders(node):
        return
    tables = tables_of(node, schema)
    where = node.args.get("where")
    if len(tables) != 1 or where is None or where.find(exp.Select):
        return
    if any(c.table for c in node.find_all(exp.Column)):
        return

    def make(n: Node) -> Node:
        table = next(iter(tables.values()))
        kept = n.copy()
        kept.set("where", None)
        kept.set("from_", exp.From(this=exp.to_table("chosen")))
        return kept.with_("chosen", as_=exp.select("*").from_(table).where(n.args["where"].this.copy()))

    yield put(make)


def group_for_distinct(node: Node, _: Schema) -> Iterator[Edit]:
    """SELECT DISTINCT of columns as GROUP BY."""
    if not isinstance(node, exp.Select) or not node.args.get("distinct") or node.args.get("group") or _orders(node):
        return

    def make(n: Node) -> None:
        n.set("distinct", None)
        n.set("group", exp.Group(expressions=[p.copy() for p in n.selects]))

    if all(isinstance(p, exp.Column) and not isinstance(p.this, exp.Star) for p in node.selects):
        yield make


def order_by_position(node: Node, _: Schema) -> Iterator[Edit]:
    """ORDER BY a column that is shown by its number."""
    select = node.find_ancestor(exp.Select)
    if isinstance(node, exp.Ordered) and isinstance(node.this, exp.Column) and select is not None:
        shown = [p.sql() for p in select.selects]
        if node.this.sql() in shown and not node.find_ancestor(exp.Window):
            at = shown.index(node.this.sql()) + 1
            yield lambda n: n.set("this", exp.Literal.number(at))


def limit_offset(node: Node, _: Schema) -> Iterator[Edit]:
    """LIMIT n with OFFSET 0."""
    if isinstance(node, exp.Limit) and node.parent is not None and not node.parent.args.get("offset"):
        yield lambda n: n.parent.set("offset", exp.Offset(expression=exp.Literal.number(0)))


def set_sides(node: Node, _: Schema) -> Iterator[Edit]:
    """The sides of UNION and INTERSECT the other way round."""
    if isinstance(node, exp.Union | exp.Intersect) and not _orders(node):
        names = [[p.alias_or_name for p in side.selects] for side in (node.this, node.expression)]
        if names[0] == names[1]:
            yield put(lambda n: type(n)(this=n.expression, expression=n.this, distinct=n.args.get("distinct")))


def set_as_condition(node: Node, schema: Schema) -> Iterator[Edit]:
    """A UNION (INTERSECT) of one column from one table as DISTINCT with OR (as IN)."""
    if not isinstance(node, exp.Intersect | exp.Except) or _orders(node):
        return
    left, right = node.this, node.expression
    if not isinstance(left, exp.Select) or not isinstance(right, exp.Select) or len(left.selects) != 1:
        return
    shown, other = left.selects[0], right.selects[0]
    if not isinstance(shown, exp.Column) or not isinstance(other, exp.Column):
        return
    if any(s.args.get(k) for s in (left, right) for k in ("group", "having", "limit", "order")):
        return
    first, second = column_of(shown, schema), column_of(other, schema)
    if first is None or second is None or first.nullable or second.nullable:
        return
    has = isinstance(node, exp.Intersect)

    def make(n: Node) -> Node:
        select = n.this.copy()
        select.set("distinct", exp.Distinct())
        test: Any = exp.In(this=select.selects[0].copy(), query=exp.Subquery(this=n.expression.copy()))
        return select.where(test if has else exp.Not(this=test))

    yield put(make)


def having_as_where(node: Node, _: Schema) -> Iterator[Edit]:
    """Groups filtered outside: SELECT ... FROM (grouped) WHERE."""
    if not isinstance(node, exp.Having) or not isinstance(node.this, exp.Binary):
        return
    select = node.parent
    if not is_whole(select) or _orders(select) or not _names_once(select):
        return
    if not isinstance(node.this.this, exp.Count) or not isinstance(node.this.expression, exp.Literal):
        return

    def make(n: Node) -> None:
        whole = n.parent
        names = [exp.column(p.alias_or_name, table="g") for p in whole.selects]
        inner = whole.copy()
        test = inner.args["having"].this
        inner.set("having", None)
        inner.select(exp.alias_(test.this.copy(), "measured"), copy=False)
        bound = type(test)(this=exp.column("measured", table="g"), expression=test.expression.copy())
        whole.replace(exp.select(*names).from_(inner.subquery("g")).where(bound))

    yield make


REWRITES: dict[str, Change] = {
    "AND, OR turned round": conditions.swapped_sides,
    "comparison mirrored": conditions.mirrored,
    "NOT of the opposite": conditions.negated,
    "table aliases": aliases,
    "IN and OR": conditions.in_as_or,
    "BETWEEN as bounds": conditions.between,
    "whole-number bounds": conditions.whole_number_bounds,
    "join order": join_order,
    "comma join": comma_join,
    "COUNT(1)": conditions.count_one,
    "EXISTS for IN": conditions.exists_for_in,
    "derived table, CTE": derived_table,
    "CTE that filters": filtered_cte,
    "GROUP BY for DISTINCT": group_for_distinct,
    "extreme by ORDER BY": conditions.extreme_by_order,
    "ORDER BY position": order_by_position,
    "OFFSET 0": limit_offset,
    "set operands turned round": set_sides,
    "set operation as condition": set_as_condition,
    "condition that always holds": conditions.always_true,
    "YEAR as range": conditions.year_as_range,
    "HAVING as outer WHERE": having_as_where,
}
