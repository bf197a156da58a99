"""PostgreSQL's functions as calls that `runtime` registers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from sqlglot import exp
from sqlglot.time import format_time

from tasks.sql.functions import NOW
from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres import moments
from tasks.sql.postgres.types import (
    INTS,
    MOMENTS,
    NUMBERS,
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

Typing = Callable[[Node], Typed]
_TEXT, _INT = "text", "int4"

# Node class -> registered function, type of its answer, its arguments and their types.
_PLAIN: dict[type[exp.Expr], tuple[str, str, dict[str, str]]] = {
    exp.Upper: ("pg_upper", _TEXT, {"this": _TEXT}),
    exp.Lower: ("pg_lower", _TEXT, {"this": _TEXT}),
    exp.Reverse: ("pg_reverse", _TEXT, {"this": _TEXT}),
    exp.Length: ("pg_length", _INT, {"this": _TEXT}),
    exp.Ascii: ("pg_ascii", _INT, {"this": _TEXT}),
    exp.Left: ("pg_left", _TEXT, {"this": _TEXT, "expression": _INT}),
    exp.Right: ("pg_right", _TEXT, {"this": _TEXT, "expression": _INT}),
    exp.Repeat: ("pg_repeat", _TEXT, {"this": _TEXT, "times": _INT}),
    exp.Replace: ("pg_replace", _TEXT, {"this": _TEXT, "expression": _TEXT, "replacement": _TEXT}),
    exp.StrPosition: ("pg_position", _INT, {"this": _TEXT, "substr": _TEXT}),
    exp.SplitPart: ("pg_split_part", _TEXT, {"this": _TEXT, "delimiter": _TEXT, "part_index": _INT}),
}
_FIELDS = {"year", "month", "day", "hour", "minute", "second", "quarter", "week", "isoyear", "dow", "isodow", "doy"}
_FIELDS |= {"decade", "century", "epoch"}
_TIMES = {"hour", "minute", "second"}


def argument(value: Typed, wanted: str, what: str) -> Node:
    """An argument of a function: PostgreSQL turns no number into a text by itself.

    Raises:
        Refused: there is no such function.
    """
    value = coerce(value, wanted)
    if value.type == "bpchar":
        raise unsupported(f"{what} of CHAR(n)")
    if wanted == _INT and value.type in ("int2", "int4"):
        return value.node
    if value.type != wanted:
        raise no_operator(f"function {what}", value)
    return value.node


def function(node: Node, typing: Typing) -> Typed:  # noqa: C901  (a table of cases)
    """Rewrite one function call.

    Raises:
        Refused: PostgreSQL has none for such arguments, or we do not translate it.
    """
    what = type(node).__name__.upper()
    entry = _PLAIN.get(type(node))
    if entry is not None:
        name, result, takes = entry
        given = {k for k, v in node.args.items() if isinstance(v, exp.Expr)}
        if given != set(takes):
            raise unsupported(node.sql("postgres"))
        return call(name, result, *(argument(typing(node.args[k]), t, what) for k, t in takes.items()))
    match node:
        case exp.Initcap():
            return call("pg_initcap", _TEXT, argument(typing(node.this), _TEXT, what))
        case exp.Substring():
            numbers = [node.args[k] for k in ("start", "length") if node.args.get(k) is not None]
            rest = [argument(typing(n), _INT, what) for n in numbers]
            return call("pg_substring", _TEXT, argument(typing(node.this), _TEXT, what), *rest)
        case exp.Pad():
            fill = typing(node.args["fill_pattern"]) if node.args.get("fill_pattern") else Typed(text(" "), UNKNOWN)
            left = integer(int(bool(node.args.get("is_left"))))
            sides = argument(typing(node.this), _TEXT, what), argument(typing(node.expression), _INT, what)
            return call("pg_pad", _TEXT, *sides, argument(fill, _TEXT, what), left)
        case exp.Trim():
            marks = typing(node.expression) if node.args.get("expression") else Typed(text(" "), UNKNOWN)
            where = text(str(node.args.get("position") or "BOTH").upper())
            return call("pg_trim", _TEXT, argument(typing(node.this), _TEXT, what), argument(marks, _TEXT, what), where)
        case exp.ConcatWs():
            return call("pg_concat_ws", _TEXT, *(_shown(typing(e)) for e in node.expressions))
        case exp.Concat():
            return call("pg_concat", _TEXT, *(_shown(typing(e)) for e in node.expressions))
        case exp.Extract():
            return extract(node.name.lower(), typing(node.expression))
        case exp.TimestampTrunc() | exp.DateTrunc():
            return _date_trunc(node, typing(node.this))
        case exp.TimeToStr():
            return _to_char(node, typing(node.this))
        case exp.StrToDate():
            return _to_date(node, typing(node.this))
        case exp.Date():
            return _date(typing(node.this))
        case exp.CurrentDate():
            return Typed(text(NOW[:10]), "date")
        case exp.CurrentTimestamp():
            return Typed(text(NOW), "timestamptz")
        case exp.Localtimestamp():
            return Typed(text(NOW), "timestamp")
        case exp.Anonymous() if node.name.upper() == "AGE":
            return _age([typing(e) for e in node.expressions])
    return _numbers(node, typing)


def _shown(value: Typed) -> Node:
    if value.type == "bool":
        raise unsupported("CONCAT of boolean")
    return as_text(value).node


def extract(field: str, value: Typed) -> Typed:
    """EXTRACT(field FROM value)."""
    if value.type == "interval":
        if field not in ("year", "month", "day", "hour", "minute", "second", "epoch"):
            raise unsupported(f"EXTRACT {field} of an interval")
        return call("pg_interval_part", "numeric", text(field), value.node)
    if value.type not in MOMENTS:
        raise no_operator(f"function EXTRACT({field})", value)
    if field not in _FIELDS:
        raise unsupported(f"EXTRACT {field}")
    if value.type == "date" and field in _TIMES:
        raise invalid(f"syntax error: unit {field} is not known for a date")
    return call("pg_part", "numeric", text(field), value.node)


def _date_trunc(node: Node, value: Typed) -> Typed:
    field = node.args["unit"].name.lower()
    if field not in ("year", "quarter", "month", "week", "day", "hour", "minute", "second"):
        raise unsupported(f"DATE_TRUNC {field}")
    if value.type not in MOMENTS:
        raise no_operator("function DATE_TRUNC", value)
    wanted = "timestamptz" if value.type == "date" else value.type
    return call("pg_date_trunc", wanted, text(field), as_timestamp(value, wanted).node)


_BACK = {
    **{"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%I": "HH12", "%M": "MI", "%S": "SS", "%y": "YY"},
    **{"%j": "DDD", "%V": "IW", "%G": "IYYY", "%u": "D", "%-d": "FMDD", "%-m": "FMMM"},
}


def _pattern(node: Node) -> str:
    """The format as it was written: sqlglot has put Python's marks in the place of PostgreSQL's."""
    given = node.args["format"]
    if not isinstance(given, exp.Literal):
        raise unsupported("a computed format")
    back = format_time(given.name, _BACK) or given.name
    if "%" in back:
        raise unsupported(f"format {given.name}")
    return str(back)


def _to_char(node: Node, value: Typed) -> Typed:
    pattern = _pattern(node)
    if value.type not in ("date", "timestamp", "timestamptz"):
        raise unsupported(f"TO_CHAR of {value.type}")
    if not moments.known_format(pattern):
        raise unsupported(f"TO_CHAR {pattern}")
    return call("pg_to_char", _TEXT, as_timestamp(value).node, text(pattern))


def _to_date(node: Node, value: Typed) -> Typed:
    if _pattern(node) != "YYYY-MM-DD" or not isinstance(value.node, exp.Literal):
        raise unsupported("TO_DATE but of a literal like '2024-06-15'")
    return coerce(Typed(value.node, UNKNOWN), "date")


def _date(value: Typed) -> Typed:
    value = coerce(value, "date")
    if value.type == "text":
        return call("pg_text_to_date", "date", value.node)
    if value.type not in MOMENTS:
        raise no_operator("function DATE", value)
    return call("pg_date", "date", value.node) if value.type != "date" else value


def _age(given: list[Typed]) -> Typed:
    values = [coerce(v, "timestamp") for v in given]
    if len(values) == 1:
        values.insert(0, Typed(text(f"{datetime.fromisoformat(NOW).date()} 00:00:00"), "timestamp"))
    if len(values) != 2 or any(v.type not in MOMENTS for v in values):
        raise no_operator("function AGE", *values)
    return call("pg_age", "interval", *(as_timestamp(v).node for v in values))


def _number(value: Typed, what: str) -> Typed:
    value = coerce(value, "float8")
    if value.type not in NUMBERS:
        raise no_operator(f"function {what}", value)
    return value


def _numbers(node: Node, typing: Typing) -> Typed:
    what = type(node).__name__.upper()
    match node:
        case exp.Abs():
            value = _number(typing(node.this), what)
            return Typed(exp.Abs(this=value.node), value.type, value.scale)
        case exp.Round() | exp.Trunc():
            return _rounded(node, _number(typing(node.this), what), typing)
        case exp.Floor() | exp.Ceil() if not node.args.get("decimals"):
            value = _number(typing(node.this), what)
            wanted = "numeric" if value.type == "numeric" else "float8"
            scale = 0 if wanted == "numeric" else None
            return call("pg_" + what.lower(), wanted, value.node, scale=scale)
        case exp.Sign():
            value = _number(typing(node.this), what)
            wanted = "numeric" if value.type == "numeric" else "float8"
            return call("pg_sign", wanted, value.node, scale=0 if wanted == "numeric" else None)
        case exp.Pow():
            sides = [_number(typing(n), what) for n in (node.this, node.expression)]
            wanted = "numeric" if "numeric" in (sides[0].type, sides[1].type) else "float8"
            wanted = "float8" if "float8" in (sides[0].type, sides[1].type) else wanted
            return call("pg_power", wanted, sides[0].node, sides[1].node)
        case exp.Sqrt() | exp.Exp() | exp.Ln():
            value = _number(typing(node.this), what)
            return call("pg_" + what.lower(), "numeric" if value.type == "numeric" else "float8", value.node)
        case exp.Log():
            value = _number(typing(node.this), what)
            wanted = "numeric" if value.type == "numeric" else "float8"
            if node.args.get("expression") is None:
                return call("pg_log", wanted, value.node)
            return call("pg_log_base", "numeric", value.node, _number(typing(node.expression), what).node)
        case exp.Mod():
            raise unsupported("MOD")
    raise unsupported(f"function {node.sql_name() if isinstance(node, exp.Func) else what}")


def _rounded(node: Node, value: Typed, typing: Typing) -> Typed:
    name, digits = "pg_" + type(node).__name__.lower(), node.args.get("decimals")
    if digits is None:
        if value.type in (*INTS, "float8"):
            name = "pg_round_even" if name == "pg_round" else name
            return call(name, "float8", value.node, integer(0))
        return call(name, "numeric", value.node, integer(0), scale=0)
    if value.type == "float8":
        raise no_operator(f"function {type(node).__name__.upper()} with decimals", value)
    scale = int(digits.name) if isinstance(digits, exp.Literal) and re.fullmatch(r"\d+", digits.name) else None
    return call(name, "numeric", value.node, argument(typing(digits), _INT, "ROUND"), scale=scale)
