"""Wrong queries made from right ones: one change each, of the kinds that models get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlglot import exp

from benchmarks.sql.tree import Change, Edit, Node, changed, is_whole, put
from tasks.sql.schema import Schema

_OPERATORS: dict[type, tuple[type, ...]] = {
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
    exp.GT: (exp.GTE, exp.LT),
    exp.GTE: (exp.GT, exp.LTE),
    exp.LT: (exp.LTE, exp.GT),
    exp.LTE: (exp.LT, exp.GTE),
}
_AGGREGATES: dict[type, tuple[type, ...]] = {
    exp.Sum: (exp.Avg, exp.Max),
    exp.Avg: (exp.Sum, exp.Min),
    exp.Min: (exp.Max,),
    exp.Max: (exp.Min,),
}
_SETS: dict[type, tuple[type, ...]] = {
    exp.Union: (exp.Intersect,),
    exp.Intersect: (exp.Union, exp.Except),
    exp.Except: (exp.Intersect, exp.Union),
}


def mutants(gold: str, schema: Schema, dialect: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, query) for every single change of a query that makes another text of it."""
    return changed(gold, MUTATIONS, schema, dialect)


def _as(type_: type[exp.Expr], **more: Any) -> Edit:
    """Replace a node by one of another type with the same arguments."""
    return lambda node: node.replace(type_(**{k: v for k, v in node.args.items() if k != "big_int"} | more))


def _in_having(node: Node) -> bool:
    return isinstance(node.find_ancestor(exp.Having, exp.Select), exp.Having)


def _joins(node: Node) -> bool:
    return isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def operator(node: Node, _: Schema) -> Iterator[Edit]:
    """Another comparison operator in WHERE."""
    if type(node) in _OPERATORS and not _joins(node) and not _in_having(node):
        yield from (_as(other) for other in _OPERATORS[type(node)])


def having_bound(node: Node, _: Schema) -> Iterator[Edit]:
    """Another operator or bound in HAVING."""
    if type(node) in _OPERATORS and _in_having(node):
        yield from (_as(other) for other in _OPERATORS[type(node)])
    if isinstance(node, exp.Literal) and not node.is_string and _in_having(node):
        yield from (put(partial(_moved, by=by)) for by in (1, -1))


def constant(node: Node, _: Schema) -> Iterator[Edit]:
    """A number, date or text that is another, near it."""
    if (
        not isinstance(node, exp.Literal)
        or _in_having(node)
        or isinstance(node.parent, exp.Like | exp.Limit | exp.Offset)
    ):
        return
    if isinstance(node.find_ancestor(exp.Where, exp.Select), exp.Where):
        yield from (put(partial(_moved, by=by)) for by in (1, -1))


def _moved(node: Node, by: int) -> exp.Expr:
    text = node.name
    if not node.is_string:
        return exp.Literal.number(str(float(text) + by if "." in text else int(text) + by))
    try:
        day = date.fromisoformat(text[:10]) + timedelta(days=by)
        return exp.Literal.string(day.isoformat() + text[10:])
    except ValueError:
        return exp.Literal.string(text + "s" if by > 0 else text[:-1])


def like_pattern(node: Node, _: Schema) -> Iterator[Edit]:
    """A wildcard more or less."""
    if isinstance(node, exp.Like) and isinstance(node.expression, exp.Literal):
        pattern = node.expression.name
        others = {pattern.lstrip("%"), pattern.rstrip("%"), "%" + pattern.lstrip("%"), pattern.rstrip("%") + "%"}
        for other in sorted(others - {pattern}):
            yield lambda n, other=other: n.set("expression", exp.Literal.string(other))  # type: ignore[misc]


def other_column(node: Node, schema: Schema) -> Iterator[Edit]:
    """Another column of the same table and type, in SELECT, WHERE, ORDER BY or an aggregate."""
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star) or node.find_ancestor(exp.Group, exp.Join):
        return
    yield from _other_columns(node, schema)


def group_column(node: Node, schema: Schema) -> Iterator[Edit]:
    """Grouped by another column, wherever it stands; or by one column less."""
    if not isinstance(node, exp.Group):
        return
    for item in node.expressions:
        if isinstance(item, exp.Column):
            for name in _like_columns(item, schema):
                yield lambda n, old=item.name, new=name: _rename_in(n.parent, old, new)  # type: ignore[misc]
    if len(node.expressions) > 1:
        yield lambda n: n.expressions[-1].pop()


def _rename_in(select: Node, old: str, new: str) -> None:
    for column in list(select.find_all(exp.Column)):
        if column.name == old:
            column.set("this", exp.to_identifier(new))


def join_column(node: Node, schema: Schema) -> Iterator[Edit]:
    """Joined on another column of the same type."""
    if isinstance(node, exp.Column) and isinstance(node.find_ancestor(exp.Join, exp.Select), exp.Join):
        yield from _other_columns(node, schema)


def _other_columns(node: Node, schema: Schema) -> Iterator[Edit]:
    for name in _like_columns(node, schema):
        yield lambda n, name=name: n.set("this", exp.to_identifier(name))  # type: ignore[misc]


def _like_columns(node: Node, schema: Schema) -> list[str]:
    """Other columns of the column's table that have its type, in the order of the table."""
    select = node.find_ancestor(exp.Select)
    while select is not None:
        for part in (select.args.get("from_"), *select.args.get("joins", [])):
            source: Node = part.this if part is not None else None
            table = schema.tables.get(source.name.lower()) if isinstance(source, exp.Table) else None
            if table is None or (node.table and node.table != source.alias_or_name):
                continue
            own = table.columns.get(node.name.lower())
            if own is not None:
                return [c.name for c in table.columns.values() if c.family == own.family and c is not own]
        select = select.parent_select
    return []


def aggregate(node: Node, _: Schema) -> Iterator[Edit]:
    """Another aggregate; COUNT with or without DISTINCT."""
    yield from (_as(other) for other in _AGGREGATES.get(type(node), ()))
    if isinstance(node, exp.Count):
        if isinstance(node.this, exp.Distinct):
            yield lambda n: n.set("this", n.this.expressions[0])
        elif isinstance(node.this, exp.Column) and not isinstance(node.this.this, exp.Star):
            yield lambda n: n.set("this", exp.Distinct(expressions=[n.this]))
            yield lambda n: n.set("this", exp.Star())


def distinct(node: Node, _: Schema) -> Iterator[Edit]:
    """DISTINCT added or dropped."""
    if not isinstance(node, exp.Select):
        return
    if node.args.get("distinct"):
        yield lambda n: n.set("distinct", None)
    elif not node.args.get("group") and not any(p.find(exp.AggFunc) for p in node.selects) and is_whole(node):
        yield lambda n: n.set("distinct", exp.Distinct())


def order(node: Node, _: Schema) -> Iterator[Edit]:
    """The other direction; no ORDER BY."""
    if isinstance(node, exp.Ordered):
        yield lambda n: n.replace(exp.Ordered(this=n.this, desc=not n.args.get("desc"), nulls_first=n.args.get("desc")))
    if isinstance(node, exp.Order) and not isinstance(node.parent, exp.Window):
        yield lambda n: n.pop()


def limit(node: Node, _: Schema) -> Iterator[Edit]:
    """One row more or less; no LIMIT."""
    if isinstance(node, exp.Limit) and isinstance(node.expression, exp.Literal):
        yield lambda n: n.set("expression", _moved(n.expression, 1))
        if int(node.expression.name) > 1:
            yield lambda n: n.set("expression", _moved(n.expression, -1))
        yield lambda n: n.pop()


def join_type(node: Node, _: Schema) -> Iterator[Edit]:
    """INNER as LEFT or RIGHT, LEFT as INNER."""
    if isinstance(node, exp.Join) and node.args.get("on") is not None:
        if node.side:
            yield lambda n: n.set("side", None)
        else:
            yield lambda n: n.set("side", "LEFT")
            yield lambda n: n.set("side", "RIGHT")


def and_or(node: Node, _: Schema) -> Iterator[Edit]:
    """AND as OR, OR as AND."""
    if isinstance(node, exp.And | exp.Or) and not node.find_ancestor(exp.Join):
        yield _as(exp.Or if isinstance(node, exp.And) else exp.And)


def missing_predicate(node: Node, _: Schema) -> Iterator[Edit]:
    """One condition of WHERE or HAVING dropped."""
    if isinstance(node, exp.And) and not node.find_ancestor(exp.Join):
        yield lambda n: n.replace(n.this)
        yield lambda n: n.replace(n.expression)
    if isinstance(node, exp.Where | exp.Having):
        yield lambda n: n.pop()


def null_handling(node: Node, _: Schema) -> Iterator[Edit]:
    """IS NULL turned round; COALESCE dropped."""
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        if isinstance(node.parent, exp.Not):
            yield lambda n: n.parent.replace(n.copy())
        else:
            yield put(lambda n: exp.Not(this=n.copy()))
    if isinstance(node, exp.Coalesce):
        yield put(lambda n: n.this)


def between_bounds(node: Node, _: Schema) -> Iterator[Edit]:
    """BETWEEN without its bounds, or without one of them."""
    if isinstance(node, exp.Between):
        yield put(
            lambda n: exp.Paren(
                this=exp.And(
                    this=exp.GT(this=n.this.copy(), expression=n.args["low"]),
                    expression=exp.LT(this=n.this.copy(), expression=n.args["high"]),
                )
            )
        )
        yield put(lambda n: exp.GTE(this=n.this, expression=n.args["low"]))


def membership(node: Node, _: Schema) -> Iterator[Edit]:
    """IN turned round; one value of its list dropped."""
    if isinstance(node, exp.In | exp.Exists):
        if isinstance(node.parent, exp.Not):
            yield lambda n: n.parent.replace(n.copy())
        else:
            yield put(lambda n: exp.Not(this=n.copy()))
        if len(node.expressions) > 1:
            yield lambda n: n.expressions[-1].pop()


def set_operation(node: Node, _: Schema) -> Iterator[Edit]:
    """Another set operation; UNION ALL; the left side alone; EXCEPT turned round."""
    if type(node) in _SETS:
        yield from (_as(other, distinct=True) for other in _SETS[type(node)])
        if isinstance(node, exp.Union):
            yield lambda n: n.set("distinct", not n.args.get("distinct"))
        yield lambda n: n.replace(n.this)
        if isinstance(node, exp.Except):
            yield put(lambda n: exp.Except(this=n.expression, expression=n.this, distinct=True))


MUTATIONS: dict[str, Change] = {
    "comparison operator": operator,
    "HAVING bound": having_bound,
    "constant": constant,
    "LIKE pattern": like_pattern,
    "column": other_column,
    "GROUP BY column": group_column,
    "join column": join_column,
    "aggregate": aggregate,
    "DISTINCT": distinct,
    "ORDER BY": order,
    "LIMIT": limit,
    "join type": join_type,
    "AND and OR": and_or,
    "missing condition": missing_predicate,
    "NULL": null_handling,
    "BETWEEN bounds": between_bounds,
    "IN and EXISTS": membership,
    "set operation": set_operation,
}
