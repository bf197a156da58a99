"""Comparisons, arithmetic and text operators under PostgreSQL's types."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres.types import (
    INTS,
    MOMENTS,
    NUMBERS,
    TEXTS,
    UNKNOWN,
    Node,
    Typed,
    as_text,
    as_timestamp,
    call,
    coerce,
    integer,
    no_operator,
    text,
)


def align(left: Typed, right: Typed, what: str) -> tuple[Typed, Typed]:
    """Both sides of a comparison in a form that SQLite compares as PostgreSQL does.

    Raises:
        Refused: PostgreSQL has no such operator (text = integer), or its rule is not known to be met.
    """
    if left.type == right.type == UNKNOWN:
        return coerce(left, "text"), coerce(right, "text")
    left, right = coerce(left, right.type), coerce(right, left.type)
    a, b = left.type, right.type
    if a in NUMBERS and b in NUMBERS:
        return left, right
    if a in MOMENTS and b in MOMENTS:
        return (left, right) if a == b == "date" else (as_timestamp(left), as_timestamp(right))
    if a == b == "interval":
        return interval_key(left), interval_key(right)
    if "bpchar" in (a, b) and a in TEXTS and b in TEXTS:
        sides = [s.node for s in (left, right)]
        plain = any(isinstance(s, exp.Literal) and s.name == s.name.rstrip(" ") for s in sides)
        if plain or a == b:
            return left, right
        raise unsupported("comparison of CHAR(n) with text")
    if a == b:
        return left, right
    raise no_operator(f"operator {what}", left, right)


def interval_key(value: Typed) -> Typed:
    """An interval as the number it is compared by."""
    return call("pg_interval_key", "int8", value.node)


def compare(kind: type[exp.Expr], left: Typed, right: Typed) -> Typed:
    """= <> < <= > >= and IS [NOT] DISTINCT FROM."""
    a, b = align(left, right, "of comparison")
    return Typed(exp.Paren(this=kind(this=a.node, expression=b.node)), "bool")


def boolean(value: Typed, where: str) -> Node:
    """What must be a boolean: an integer is not one.

    Raises:
        Refused: as PostgreSQL does.
    """
    value = coerce(value, "bool")
    if value.type != "bool":
        raise invalid(f"syntax error: argument of {where} must be boolean, not {value.type}")
    return value.node


_SIGNS: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def arithmetic(kind: type[exp.Expr], left: Typed, right: Typed) -> Typed:
    """+ - * / % on numbers, dates and intervals."""
    sign = _SIGNS[kind]
    if {left.type, right.type} & {*MOMENTS, "interval", "time"}:
        return _moments(sign, left, right)
    if left.type == right.type == UNKNOWN:
        raise no_operator(f"operator {sign}", left, right)
    left, right = coerce(left, right.type), coerce(right, left.type)
    a, b = left.type, right.type
    if a not in NUMBERS or b not in NUMBERS:
        raise no_operator(f"operator {sign}", left, right)
    wanted = max(a, b, key=NUMBERS.index)
    if wanted in INTS:
        if sign in "/%":
            return call("pg_int_div" if sign == "/" else "pg_int_mod", wanted, left.node, right.node)
        raw = exp.Paren(this=kind(this=left.node, expression=right.node))
        return call("pg_int", wanted, raw, integer(INTS[wanted]))
    if wanted == "numeric":
        return call("pg_num", wanted, text(sign), left.node, right.node, scale=_scale(sign, left, right))
    if sign == "%":
        raise no_operator("operator %", left, right)
    if sign == "/":
        return call("pg_float_div", wanted, left.node, right.node)
    return Typed(exp.Paren(this=kind(this=left.node, expression=right.node)), wanted)


def _scale(sign: str, left: Typed, right: Typed) -> int | None:
    scales = [0 if side.type in INTS else side.scale for side in (left, right)]
    if sign == "/" or scales[0] is None or scales[1] is None:
        return None
    return scales[0] + scales[1] if sign == "*" else max(scales[0], scales[1])


def _moments(sign: str, left: Typed, right: Typed) -> Typed:
    if sign == "+" and right.type in MOMENTS:
        left, right = right, left
    if left.type == UNKNOWN or right.type == UNKNOWN:
        raise unsupported("arithmetic of a date with a bare literal")
    a, b = left.type, right.type
    direction = integer(1 if sign == "+" else -1)
    if a == b == "interval" and sign in "+-":
        return call("pg_interval_combine", "interval", left.node, right.node, direction)
    if sign == "*" and {a, b} <= {"interval", *INTS}:
        interval, count = (left, right) if a == "interval" else (right, left)
        return call("pg_interval_times", "interval", interval.node, count.node)
    if a == "date" and b in INTS and sign in "+-":
        days = right.node if sign == "+" else exp.Neg(this=exp.Paren(this=right.node))
        return call("pg_add_days", "date", left.node, days)
    if a == b == "date" and sign == "-":
        return call("pg_days_between", "int4", left.node, right.node)
    if a in MOMENTS and b == "interval" and sign in "+-":
        wanted = "timestamp" if a == "date" else a
        return call("pg_shift", wanted, as_timestamp(left, wanted).node, right.node, direction)
    if a in MOMENTS and b in MOMENTS and sign == "-":
        return call("pg_between", "interval", left.node, right.node)
    if "time" in (a, b) or sign in "*/":
        raise unsupported(f"{a} {sign} {b}")
    raise no_operator(f"operator {sign}", left, right)


def concatenation(left: Typed, right: Typed) -> Typed:
    """||: one side is a text at least."""
    if not {left.type, right.type} & {"text", UNKNOWN}:
        if "bpchar" in (left.type, right.type):
            raise unsupported("|| of CHAR(n)")
        raise no_operator("operator ||", left, right)
    return Typed(exp.Paren(this=exp.DPipe(this=as_text(left).node, expression=as_text(right).node)), "text")


def like(left: Typed, right: Typed, escape: str, any_case: bool, negate: bool) -> Typed:
    """[NOT] [I]LIKE."""
    sides = [coerce(side, "text") for side in (left, right)]
    if any(side.type == "bpchar" for side in sides):
        raise unsupported("LIKE of CHAR(n)")
    if any(side.type != "text" for side in sides):
        raise no_operator("LIKE", *sides)
    found = call("pg_like", "bool", sides[0].node, sides[1].node, text(escape), integer(int(any_case)))
    return Typed(exp.Paren(this=exp.Not(this=found.node)), "bool") if negate else found
