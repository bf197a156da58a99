"""MySQL functions whose rewrite needs more than a table entry."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.parsing import unsupported
from tasks.sql.rewrites import (
    Node,
    as_moment,
    as_number,
    as_text,
    call,
    family_of,
    integer,
    now_literal,
    shifted,
    text,
    unit_of,
    with_type,
)


def dates(node: Node) -> Node:
    """DATE_ADD and its kin, TIMESTAMPDIFF, EXTRACT."""
    match node:
        case exp.DateAdd() | exp.DateSub() | exp.TimestampAdd():
            sign = -1 if isinstance(node, exp.DateSub) else 1
            count, unit = node.expression, node.args.get("unit")
            if isinstance(count, exp.Interval):
                count, unit = count.this, count.args["unit"]
            return shifted(node.this, count, unit, sign)
        case exp.TimestampDiff():
            ends = [as_moment(n) for n in (node.expression, node.this)]
            return call("my_timestampdiff", "int", unit_of(node.args["unit"]), *ends)
    part = node.this.name.upper()
    known = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "YEAR_MONTH"}
    if part not in known:
        raise unsupported(f"EXTRACT {part}")
    return call(f"my_{part.lower()}", "int", as_moment(node.expression))


def named(node: Node) -> Node:
    """Functions that sqlglot knows by name only."""
    name, arguments = node.name.lower(), node.expressions
    match name, arguments:
        case ("now" | "sysdate", []):
            return now_literal("datetime")
        case ("adddate" | "subdate", [value, exp.Interval() as step]):
            return shifted(value, step.this, step.args["unit"], 1 if name == "adddate" else -1)
        case ("adddate" | "subdate", [value, days]):
            return shifted(value, days, exp.Var(this="DAY"), 1 if name == "adddate" else -1)
        case ("field", [_, *_]) if {family_of(a) for a in arguments} == {"text"}:
            return call("my_field", "int", *arguments)
    raise unsupported(f"function {node.name.upper()}")


def texts(node: Node) -> Node:  # noqa: C901  (a table of cases)
    """Text functions whose arguments are not plain; all others are unknown."""
    match node:
        case exp.ConcatWs():
            return call("my_concat_ws", "text", *(as_text(e) for e in node.expressions))
        case exp.Concat():
            return call("my_concat", "text", *(as_text(e) for e in node.expressions))
        case exp.Length() if not node.args.get("encoding"):
            name = "my_length" if node.args.get("binary") else "my_char_length"
            return call(name, "int", as_text(node.this))
        case exp.Substring():
            numbers = [as_number(n) for n in (node.args.get("start"), node.args.get("length")) if n is not None]
            return call("my_substring", "text", as_text(node.this), *numbers)
        case exp.Pad() if node.args.get("fill_pattern") is not None:
            fill, side = node.args["fill_pattern"], integer(int(bool(node.args.get("is_left"))))
            return call("my_pad", "text", as_text(node.this), as_number(node.expression), as_text(fill), side)
        case exp.Trim():
            mark, where = node.args.get("expression") or text(" "), node.args.get("position") or "BOTH"
            return call("my_trim", "text", as_text(node.this), mark, text(str(where).upper()))
        case exp.StrPosition() if not node.args.get("position"):
            return call("my_locate", "int", as_text(node.this), as_text(node.args["substr"]))
        case exp.NumberToStr() if not node.args.get("culture"):
            return call("my_format", "text", as_number(node.this), node.args["format"])
        case exp.Greatest() | exp.Least():
            values = [node.this, *node.expressions]
            kinds = {family_of(v) for v in values} - {"null"}
            if len(kinds) > 1 and kinds != {"int", "real"}:
                raise unsupported(node.sql("mysql"))
            return with_type(call("my_" + type(node).__name__.lower(), "real", *values), node)
    raise unsupported(f"function {node.sql_name()}")
