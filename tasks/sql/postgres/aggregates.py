"""PostgreSQL's aggregates and window functions."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres.operators import boolean
from tasks.sql.postgres.types import (
    INTS,
    NUMBERS,
    UNKNOWN,
    Node,
    Typed,
    call,
    coerce,
    integer,
    no_operator,
    text,
    unify,
)

Typing = Callable[[Node], Typed]
_SPREAD = {
    exp.StddevPop: "pg_stddev_pop",
    exp.StddevSamp: "pg_stddev_samp",
    exp.Stddev: "pg_stddev_samp",
    exp.VariancePop: "pg_var_pop",
    exp.Variance: "pg_var_samp",
}
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist)
_VALUES = (exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead)


def aggregate(node: Node, typing: Typing) -> Typed:  # noqa: C901  (a table of cases)
    """COUNT, SUM, AVG, MIN, MAX, STRING_AGG, BOOL_AND, BOOL_OR and the spreads."""
    what = type(node).__name__.upper()
    if isinstance(node, exp.GroupConcat):
        return _string_agg(node, typing)
    inner, distinct = node.this, False
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1:
            raise unsupported(f"{what}(DISTINCT) of several values")
        inner, distinct = inner.expressions[0], True
    if isinstance(inner, exp.Star) and isinstance(node, exp.Count):
        return Typed(exp.Count(this=exp.Star()), "int8")
    if isinstance(inner, exp.Order) or node.expressions:
        raise unsupported(node.sql("postgres"))
    value = coerce(typing(inner), "text")

    def over(name: type[exp.Expr] | str) -> Node:
        operand = exp.Distinct(expressions=[value.node]) if distinct else value.node
        if isinstance(name, str):
            return exp.Anonymous(this=name, expressions=[operand])
        return name(this=operand)

    match node:
        case exp.Count():
            return Typed(over(exp.Count), "int8")
        case exp.LogicalAnd() | exp.LogicalOr():
            boolean(value, what)
            return Typed(over(exp.Min if isinstance(node, exp.LogicalAnd) else exp.Max), "bool")
        case exp.Min() | exp.Max():
            if value.type in ("bool", "interval"):
                raise (no_operator if value.type == "bool" else _later)(f"function {what}", value)
            return Typed(over(type(node)), value.type, value.scale)
    if value.type not in NUMBERS:
        raise (_later if value.type == "interval" else no_operator)(f"function {what}", value)
    match node:
        case exp.Sum():
            if value.type in ("int2", "int4"):
                return Typed(over(exp.Sum), "int8")
            if value.type == "float8":
                return Typed(over(exp.Sum), "float8")
            return Typed(over("pg_sum"), "numeric", 0 if value.type == "int8" else value.scale)
        case exp.Avg():
            if value.type == "float8":
                return Typed(over(exp.Avg), "float8")
            return Typed(over("pg_avg"), "numeric")
    name = _SPREAD.get(type(node))
    if name is None:
        raise unsupported(f"function {what}")
    return Typed(over(name), "float8" if value.type == "float8" else "numeric")


def _later(what: str, *sides: Typed) -> Exception:
    return unsupported(f"{what} of {sides[0].type}")


def _string_agg(node: Node, typing: Typing) -> Typed:
    value, keys, directions, distinct = node.this, [], "", 0
    if isinstance(value, exp.Order):
        for item in value.expressions:
            first = bool(item.args.get("nulls_first"))
            directions += ("D" if first else "d") if item.args.get("desc") else ("A" if first else "a")
            keys.append(coerce(typing(item.this), "text").node)
        value = value.this
    if isinstance(value, exp.Distinct):
        distinct, value = 1, value.expressions[0]
    if node.args.get("separator") is None:
        raise invalid("syntax error: STRING_AGG needs a separator")
    operand, mark = coerce(typing(value), "text"), coerce(typing(node.args["separator"]), "text")
    if operand.type != "text" or mark.type != "text":
        raise no_operator("function STRING_AGG", operand, mark)
    if distinct and any(k != operand.node for k in keys):
        raise invalid("syntax error: with DISTINCT, ORDER BY must be the argument")
    if distinct and not keys:
        raise unsupported("STRING_AGG(DISTINCT) without ORDER BY")
    return call("pg_string_agg", "text", integer(distinct), text(directions), mark.node, operand.node, *keys)


def window_function(node: Node, typing: Typing) -> Typed:
    """What stands before OVER."""
    if isinstance(node, _RANKS):
        wanted = "float8" if isinstance(node, exp.PercentRank | exp.CumeDist) else "int8"
        return Typed(node.copy(), wanted)
    if isinstance(node, exp.Ntile):
        return Typed(exp.Ntile(this=typing(node.this).node), "int4")
    if isinstance(node, _VALUES):
        return _neighbour(node, typing)
    if isinstance(node, exp.GroupConcat) or type(node) in _SPREAD or isinstance(node.this, exp.Distinct):
        raise unsupported(f"{node.sql_name()} OVER")
    return aggregate(node, typing)


def _neighbour(node: Node, typing: Typing) -> Typed:
    value = coerce(typing(node.this), "text")
    fresh = type(node)(this=value.node)
    offset = node.args.get("offset")
    if offset is not None:
        count = typing(offset)
        if count.type not in INTS:
            raise no_operator(f"function {node.sql_name()}", count)
        fresh.set("offset", count.node)
    default = node.args.get("default")
    if default is not None:
        pair = unify([value, typing(default)], node.sql_name())
        if pair[0].type != value.type and value.type != UNKNOWN:
            raise unsupported(f"{node.sql_name()} with a default of another type")
        fresh.set("default", pair[1].node)
    return Typed(fresh, value.type, value.scale)
