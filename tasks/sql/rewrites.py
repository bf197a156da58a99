"""MySQL's functions and operators as calls that `text_functions` registers: one entry for each AST node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from tasks.sql.functions import KNOWN_FORMAT, NOW, as_date, as_datetime, number
from tasks.sql.parsing import unsupported
from tasks.sql.schema import family

Node = Any  # sqlglot's nodes: mypy sees their attributes as Any either way
UNITS = {"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
_RESULTS = {"int": "BIGINT", "real": "DOUBLE", "text": "TEXT", "date": "DATE", "datetime": "DATETIME", "time": "TIME"}


def call(name: str, result: str, *arguments: Node) -> exp.Anonymous:
    """A call of a registered function whose answer is of the family `result`."""
    node = exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])
    return typed(node, result)


def typed(node: Node, result: str | None) -> Node:
    """Tell later rewrites the family of a new node."""
    node.type = exp.DataType.build(_RESULTS[result]) if result in _RESULTS else None
    return node


def with_type(fresh: Node, node: Node) -> Node:
    """Give a new node the type of the one it replaces."""
    fresh.type = node.type
    return fresh


def text(value: str) -> Node:
    """A string literal."""
    return typed(exp.Literal.string(value), "text")


def integer(value: int) -> Node:
    """An integer literal."""
    return typed(exp.Literal.number(value), "int")


def family_of(node: Node) -> str | None:
    """Family of an expression, looking through what the annotation leaves open."""
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Paren) or (isinstance(node, exp.Collate | exp.Neg) and node.type is None):
        return family_of(node.this)
    return family(node.type)


def as_number(node: Node) -> Node:
    """An operand of arithmetic."""
    kind = family_of(node)
    if kind in ("int", "real", "null"):
        return node
    if node.meta.get("values"):
        raise unsupported("an ENUM as a number")
    if kind == "text":
        return call("my_number", "real", node)
    if kind in ("date", "datetime"):
        return call(f"my_{kind}_number", "int", node)
    raise unsupported(f"arithmetic on {node.sql('mysql')}")


def as_text(node: Node) -> Node:
    """An operand of a text function. A number with decimals has them in its text, so its scale must be known."""
    kind = family_of(node)
    if kind in ("int", "text", "date", "datetime", "time", "null"):
        return node
    inner = node.unnest()
    scale = inner.meta.get("scale")
    if scale is not None:
        return call("my_fixed", "text", node, integer(scale))
    raise unsupported(f"{node.sql('mysql')} as text")


def as_moment(node: Node) -> Node:
    """An operand of a date function."""
    if isinstance(node, exp.TsOrDsToTimestamp):
        node = node.this
    if family_of(node) in ("date", "datetime", "text", "null"):
        return node
    raise unsupported(f"{node.sql('mysql')} as a date")


Take = Callable[[Node], Node]

# Node class or name in lower case -> registered function, family of its answer, its arguments.
SIMPLE: dict[type[exp.Expr] | str, tuple[str, str, dict[str, Take]]] = {
    exp.TsOrDsToDate: ("my_date", "date", {"this": as_moment}),
    exp.Date: ("my_date", "date", {"this": as_moment}),
    exp.Timestamp: ("my_datetime", "datetime", {"this": as_moment}),
    exp.Year: ("my_year", "int", {"this": as_moment}),
    exp.Month: ("my_month", "int", {"this": as_moment}),
    exp.Day: ("my_day", "int", {"this": as_moment}),
    exp.DayOfMonth: ("my_day", "int", {"this": as_moment}),
    exp.DayOfWeek: ("my_day_of_week", "int", {"this": as_moment}),
    exp.DayOfYear: ("my_day_of_year", "int", {"this": as_moment}),
    exp.Quarter: ("my_quarter", "int", {"this": as_moment}),
    exp.WeekOfYear: ("my_week_iso", "int", {"this": as_moment}),
    exp.Dayname: ("my_day_name", "text", {"this": as_moment}),
    exp.LastDay: ("my_last_day", "date", {"this": as_moment}),
    exp.DateDiff: ("my_datediff", "int", {"this": as_moment, "expression": as_moment}),
    exp.IntDiv: ("my_int_div", "int", {"this": as_number, "expression": as_number}),
    exp.Pow: ("my_power", "real", {"this": as_number, "expression": as_number}),
    exp.Sqrt: ("my_sqrt", "real", {"this": as_number}),
    exp.Exp: ("my_exp", "real", {"this": as_number}),
    exp.Ln: ("my_ln", "real", {"this": as_number}),
    exp.Log: ("my_log", "real", {"this": as_number, "expression": as_number}),
    exp.Floor: ("my_floor", "int", {"this": as_number}),
    exp.Ceil: ("my_ceil", "int", {"this": as_number}),
    exp.Sign: ("my_sign", "int", {"this": as_number}),
    exp.Upper: ("my_upper", "text", {"this": as_text}),
    exp.Lower: ("my_lower", "text", {"this": as_text}),
    exp.Left: ("my_left", "text", {"this": as_text, "expression": as_number}),
    exp.Right: ("my_right", "text", {"this": as_text, "expression": as_number}),
    exp.Reverse: ("my_reverse", "text", {"this": as_text}),
    exp.Repeat: ("my_repeat", "text", {"this": as_text, "times": as_number}),
    exp.Replace: ("my_replace", "text", {"this": as_text, "expression": as_text, "replacement": as_text}),
    exp.SubstringIndex: ("my_substring_index", "text", {"this": as_text, "delimiter": as_text, "count": as_number}),
    exp.Ascii: ("my_ascii", "int", {"this": as_text}),
    exp.StddevPop: ("my_stddev_pop", "real", {"this": as_number}),
    exp.StddevSamp: ("my_stddev_samp", "real", {"this": as_number}),
    exp.Stddev: ("my_stddev_pop", "real", {"this": as_number}),
    exp.VariancePop: ("my_var_pop", "real", {"this": as_number}),
    exp.Variance: ("my_var_samp", "real", {"this": as_number}),
    "weekday": ("my_weekday", "int", {"0": as_moment}),
    "find_in_set": ("my_find_in_set", "int", {"0": as_text, "1": as_text}),
    "mid": ("my_substring", "text", {"0": as_text, "1": as_number, "2": as_number}),
}


def simple(node: Node) -> Node | None:
    """Rewrite by the table above; None if it does not know the node."""
    key = node.name.lower() if isinstance(node, exp.Anonymous) else type(node)
    entry = SIMPLE.get(key)
    if entry is None:
        return None
    name, result, takes = entry
    given = {str(i): a for i, a in enumerate(node.expressions)} if isinstance(key, str) else node.args
    present = {k for k, v in given.items() if v not in (None, False, []) and isinstance(v, exp.Expr)}
    if present != set(takes) - ({"2"} if name == "my_substring" else set()) and present != set(takes):
        raise unsupported(node.sql("mysql"))
    return call(name, result, *(take(given[k]) for k, take in takes.items() if k in present))


def unit_of(node: Node) -> Node:
    """The unit of an interval as a text argument."""
    unit = node.name.upper().removesuffix("S") if node is not None else "DAY"
    if unit not in UNITS:
        raise unsupported(f"INTERVAL of {unit}")
    return text(unit)


def shifted(value: Node, count: Node, unit: Node, sign: int) -> Node:
    """`value` plus `sign` times `count` units."""
    unit = unit_of(unit)
    if isinstance(count, exp.Literal):
        if not re.fullmatch(r"-?\d+(\.\d+)?", count.name):
            raise unsupported(f"INTERVAL {count.name}")
        amount: Node = exp.Literal.number(count.name)
    else:
        amount = as_number(count)
    if sign < 0:
        amount = exp.Neg(this=exp.Paren(this=amount.copy()))
    kind = family_of(value)
    timed = unit.name in ("HOUR", "MINUTE", "SECOND")
    if kind == "text" and isinstance(value, exp.Literal):
        kind = "datetime" if ":" in value.name else "date"
    result = {"date": "datetime" if timed else "date", "datetime": "datetime", "text": "text"}.get(kind or "")
    if result is None:
        raise unsupported(f"{value.sql('mysql')} as a date")
    return call("my_date_add", result, as_moment(value), amount, unit)


# Back from Python's marks (sqlglot's own way back misses some: '%M' stays).
_MYSQL_MARKS = {
    **{"%M": "%i", "%B": "%M", "%S": "%s", "%I": "%h", "%-m": "%c", "%-d": "%e", "%-H": "%k"},
    **{"%-I": "%l", "%A": "%W", "%W": "%u", "%G": "%x"},
}


def date_format(node: Node) -> Node:
    """DATE_FORMAT and MONTHNAME: sqlglot keeps Python's format marks, the function wants MySQL's."""
    pattern = node.args["format"]
    if not isinstance(pattern, exp.Literal):
        raise unsupported("DATE_FORMAT with a computed format")
    marks = re.sub(r"%-?.", lambda mark: _MYSQL_MARKS.get(mark.group(), mark.group()), pattern.name)
    if not KNOWN_FORMAT.fullmatch(marks):
        raise unsupported(f"DATE_FORMAT {marks}")
    return call("my_date_format", "text", as_moment(node.this), text(marks))


def rounding(value: Node) -> str:
    """The function that rounds: halves of a DECIMAL go away from zero, those of a DOUBLE to the even neighbour."""
    from tasks.sql.exactness import is_exact

    return "my_round" if is_exact(value) else "my_double_round"


def cast(node: Node) -> Node:  # noqa: C901  (a table of cases)
    """CAST and CONVERT to SIGNED, UNSIGNED, CHAR, DECIMAL, DOUBLE, DATE and DATETIME."""
    target, value = family(node.to), node.this
    sizes = [int(p.name) for p in node.to.expressions]
    if node.to.this.value in ("BINARY", "VARBINARY", "BLOB") or family_of(value) is None:
        raise unsupported(node.sql("mysql"))
    if target == "text":
        kept = as_text(value)
        if sizes:
            return call("my_left", "text", kept, integer(sizes[0]))
        return call("my_concat", "text", kept)
    if target == "int":
        # Text is cut at the first character that is no digit, numbers are rounded.
        if node.to.this.value.startswith("U") and not (value.meta.get("unsigned") or isinstance(value, exp.Literal)):
            raise unsupported(node.sql("mysql"))
        if family_of(value) == "text":
            return call("my_leading_int", "int", value)
        return call(rounding(value), "int", as_number(value), integer(0))
    if target == "real":
        if node.to.this.value != "DECIMAL":
            return typed(exp.Cast(this=as_number(value).copy(), to=exp.DataType.build("DOUBLE")), "real")
        scale = sizes[1] if len(sizes) > 1 else 0
        result = call("my_round", "real", as_number(value), integer(scale))
        result.meta["scale"] = scale
        return result
    if target in ("date", "datetime"):
        if isinstance(value, exp.Literal) and as_date(value.name) is None:
            raise unsupported(node.sql("mysql"))
        return call(f"my_{target}", target, as_moment(value))
    raise unsupported(node.sql("mysql"))


def rounded(name: str) -> Callable[[Node], Node]:
    """ROUND and TRUNCATE; with literal decimals the text of a DECIMAL stays known."""

    def rewrite(node: Node) -> Node:
        digits = node.args.get("decimals") or integer(0)
        used = rounding(node.this) if name == "my_round" else name
        result = call(used, "real", as_number(node.this), digits)
        if isinstance(digits, exp.Literal):
            scale = node.this.unnest().meta.get("scale")
            if scale is not None:
                result.meta["scale"] = min(scale, int(digits.name))
            elif isinstance(node.this.unnest(), exp.Avg | exp.Div):
                result.meta["scale"] = min(4, int(digits.name))  # such answers have four decimals or more
        return result

    return rewrite


def group_concat(node: Node) -> Node:
    """GROUP_CONCAT: SQLite's own knows no ORDER BY."""
    value, directions, keys, distinct = node.this, "", [], 0
    if isinstance(value, exp.Order):
        for item in value.expressions:
            directions += "d" if item.args.get("desc") else "a"
            keys.append(item.this)
        value = value.this
    if isinstance(value, exp.Distinct):
        distinct, value = 1, value.expressions[0] if len(value.expressions) == 1 else None
    separator = node.args.get("separator") or text(",")
    if value is None or not isinstance(separator, exp.Literal):
        raise unsupported("GROUP_CONCAT of several values")
    return call("my_group_concat", "text", separator, integer(distinct), text(directions), as_text(value), *keys)


def literal_moment(value: str, kind: str) -> str | None:
    """A date literal as the generated databases write it, or None if it is none."""
    return as_date(value) if kind == "date" else as_datetime(value)


def literal_number(value: str) -> Node:
    """A text literal compared with a number, read as MySQL reads it."""
    return typed(exp.Literal.number(repr(number(value))), "real")


def now_literal(kind: str) -> Node:
    """The frozen instant."""
    return typed(exp.Literal.string(NOW[:10] if kind == "date" else NOW), kind)
