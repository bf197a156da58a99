"""PostgreSQL's types, what literals become of them, and casts between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tasks.sql.parsing import Refused, invalid, unsupported
from tasks.sql.postgres import intervals, moments

Node = Any
DType = exp.DType
INTS = {"int2": 15, "int4": 31, "int8": 63}
NUMBERS = (*INTS, "numeric", "float8")
MOMENTS = ("date", "timestamp", "timestamptz")
TEXTS = ("text", "bpchar")
UNKNOWN = "unknown"  # a bare literal or NULL: takes the type of what stands beside it
NAMES = {
    **{"int2": "smallint", "int4": "integer", "int8": "bigint", "float8": "double precision", "bool": "boolean"},
    **{"bpchar": "character"},
}
_TYPES = {
    **{DType.SMALLINT: "int2", DType.SMALLSERIAL: "int2", DType.INT: "int4", DType.SERIAL: "int4"},
    **{DType.BIGINT: "int8", DType.BIGSERIAL: "int8", DType.DECIMAL: "numeric", DType.DOUBLE: "float8"},
    **{DType.VARCHAR: "text", DType.TEXT: "text", DType.CHAR: "bpchar", DType.BOOLEAN: "bool", DType.DATE: "date"},
    **{DType.TIMESTAMP: "timestamp", DType.TIMESTAMPTZ: "timestamptz", DType.TIME: "time"},
    **{DType.INTERVAL: "interval"},
}


@dataclass(frozen=True)
class Typed:
    """A SQLite expression with the PostgreSQL type of its value; `scale` of a numeric where it is known."""

    node: Node
    type: str
    scale: int | None = None


def type_of(declared: exp.DataType | str) -> tuple[str, int | None] | None:
    """Type and scale of a column or a cast, or None for a type that is not translated."""
    kind = exp.DataType.build(declared, dialect="postgres") if isinstance(declared, str) else declared
    name = _TYPES.get(kind.this)
    if name is None or (name in ("timestamp", "timestamptz", "time", "interval") and kind.expressions):
        return None
    sizes = [int(p.name) for p in kind.expressions if p.name.isdigit()]
    scale = None
    if name == "bpchar":
        scale = sizes[0] if sizes else 1  # blanks pad it to this length
    if name == "numeric" and sizes:
        scale = sizes[1] if len(sizes) > 1 else 0
    return name, scale


def call(name: str, type_: str, *arguments: Node, scale: int | None = None) -> Typed:
    """A call of a registered function."""
    return Typed(exp.Anonymous(this=name, expressions=list(arguments)), type_, scale)


def integer(value: int) -> Node:
    """A literal for SQLite."""
    return exp.Literal.number(str(value))


def text(value: str) -> Node:
    """A literal for SQLite."""
    return exp.Literal.string(value)


def no_operator(what: str, *sides: Typed) -> Refused:
    """PostgreSQL's usual answer to operands that do not fit."""
    shown = ", ".join(NAMES.get(s.type, s.type) for s in sides)
    return invalid(f"syntax error: PostgreSQL has no {what} for {shown}")


def coerce(value: Typed, wanted: str) -> Typed:
    """A bare literal read as the type of what stands beside it; others are handed back."""
    if value.type != UNKNOWN:
        return value
    if isinstance(value.node, exp.Null):
        return Typed(value.node, wanted)
    if not isinstance(value.node, exp.Literal):
        raise unsupported("a value of unknown type")
    written = value.node.name
    if wanted in TEXTS:
        return Typed(value.node, "text")
    made = _read(written, wanted)
    if made is None:
        raise invalid(f"syntax error: '{written[:40]}' is no {NAMES.get(wanted, wanted)}")
    return made


def _read(written: str, wanted: str) -> Typed | None:
    plain = written.strip()
    if wanted in INTS:
        return Typed(integer(int(plain)), wanted) if re.fullmatch(r"[+-]?\d{1,18}", plain) else None
    if wanted in ("numeric", "float8"):
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
            return None
        digits = plain.split(".")[1] if "." in plain and "e" not in plain.lower() else ""
        return Typed(exp.Literal.number(str(float(plain))), wanted, len(digits) if wanted == "numeric" else None)
    if wanted == "bool":
        low = plain.lower()
        known = {"t", "true", "y", "yes", "on", "1"}, {"f", "false", "n", "no", "off", "0"}
        return Typed(integer(int(low in known[0])), wanted) if low in known[0] | known[1] else None
    if wanted == "interval":
        found = intervals.parse(plain)
        if found is None:
            raise unsupported(f"interval '{written}'")
        return Typed(text(found), wanted)
    return _read_moment(plain, wanted)


def _read_moment(plain: str, wanted: str) -> Typed | None:
    if wanted == "time":
        return Typed(text(plain), wanted) if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", plain) else None
    if not moments.looks_iso(plain):
        raise unsupported(f"'{plain[:40]}' as a {wanted}")
    read = moments.to_date(plain) if wanted == "date" else moments.to_timestamp(plain)
    return Typed(text(read), wanted) if read is not None else None


def unify(values: list[Typed], what: str) -> list[Typed]:
    """Values of CASE, COALESCE, UNION and their like in one type.

    Raises:
        Refused: their types do not go together.
    """
    kinds = list(dict.fromkeys(v.type for v in values if v.type != UNKNOWN))
    if not kinds:
        return [coerce(v, "text") for v in values]
    if all(k in NUMBERS for k in kinds):
        wanted = max(kinds, key=NUMBERS.index)
        return [Typed(c.node, wanted, None) for c in (coerce(v, wanted) for v in values)]
    if len(kinds) == 1:
        return [coerce(v, kinds[0]) for v in values]
    if set(kinds) == set(TEXTS):
        raise unsupported(f"{what} of CHAR(n) and text")
    if all(k in MOMENTS for k in kinds):
        wanted = max(kinds, key=MOMENTS.index)
        return [as_timestamp(coerce(v, wanted), wanted) for v in values]
    raise no_operator(what, *values)


def as_timestamp(value: Typed, wanted: str = "timestamp") -> Typed:
    """A date as the midnight it begins with."""
    if value.type == "date" and not isinstance(value.node, exp.Null):
        return call("pg_timestamp", wanted, value.node)
    return Typed(value.node, wanted)


def cast(value: Typed, target: exp.DataType) -> Typed:
    """CAST and ::.

    Raises:
        Refused: PostgreSQL has no such cast, or we do not know its answer.
    """
    found = type_of(target)
    if found is None:
        raise unsupported(f"cast to {target.sql('postgres')}")
    wanted, scale = found
    sizes = [int(p.name) for p in target.expressions if p.name.isdigit()]
    if wanted == "bpchar":
        raise unsupported("cast to CHAR(n)")
    if value.type == UNKNOWN:
        value = coerce(value, wanted)
        return _fitted(value, wanted, scale, sizes)
    if wanted == "text":
        return _fitted(as_text(value), wanted, None, sizes)
    if value.type == wanted and not sizes:
        return value
    return _cast_between(value, wanted, scale, sizes)


def _cast_between(value: Typed, wanted: str, scale: int | None, sizes: list[int]) -> Typed:
    pair = (value.type, wanted)
    if value.type in NUMBERS and wanted in NUMBERS:
        return _number_cast(value, wanted, scale, sizes)
    if value.type == "text":
        if wanted == "bool":
            raise unsupported("cast of text to boolean")
        return _fitted(call(f"pg_text_to_{wanted}", wanted, value.node), wanted, scale, sizes)
    if pair == ("bool", "int4"):
        return Typed(value.node, "int4")
    if pair == ("int4", "bool"):
        return Typed(exp.Paren(this=exp.NEQ(this=value.node, expression=integer(0))), "bool")
    if value.type in MOMENTS and wanted in MOMENTS:
        return call("pg_date", "date", value.node) if wanted == "date" else as_timestamp(value, wanted)
    if value.type in ("timestamp", "timestamptz") and wanted == "time":
        return call("pg_time", "time", value.node)
    if value.type == "bpchar":
        raise unsupported("cast of CHAR(n)")
    raise no_operator(f"cast to {NAMES.get(wanted, wanted)}", value)


def _fitted(value: Typed, wanted: str, scale: int | None, sizes: list[int]) -> Typed:
    if wanted == "text" and sizes:
        return call("pg_left", "text", value.node, integer(sizes[0]))
    if wanted == "numeric" and sizes:
        return call("pg_round", "numeric", value.node, integer(scale or 0), scale=scale)
    if wanted in INTS:
        return call("pg_int", wanted, value.node, integer(INTS[wanted]))
    return value


def _number_cast(value: Typed, wanted: str, scale: int | None, sizes: list[int]) -> Typed:
    if wanted in INTS:
        if value.type in INTS:
            return call("pg_int", wanted, value.node, integer(INTS[wanted]))
        rounding = "pg_round_even" if value.type == "float8" else "pg_round"
        return call("pg_int", wanted, call(rounding, "", value.node, integer(0)).node, integer(INTS[wanted]))
    if wanted == "float8":
        return Typed(exp.Cast(this=value.node, to=exp.DataType.build("DOUBLE")), "float8")
    if sizes:
        return call("pg_round", "numeric", value.node, integer(scale or 0), scale=scale)
    if value.type == "float8":
        return call("pg_digits", "numeric", value.node)
    return Typed(value.node, "numeric", 0 if value.type in INTS else value.scale)


def as_text(value: Typed) -> Typed:
    """The text that PostgreSQL writes for a value.

    Raises:
        Refused: it is not known, e.g. how many decimals a quotient shows.
    """
    if value.type == UNKNOWN:
        return coerce(value, "text")
    if value.type == "bool":
        branches = [exp.If(this=value.node, true=text("true"))]
        false = exp.If(this=exp.Not(this=exp.Paren(this=value.node.copy())), true=text("false"))
        return Typed(exp.Case(ifs=[*branches, false]), "text")
    if value.type in ("text", "date", "timestamp", "time"):
        return Typed(value.node, "text")
    if value.type in INTS:
        return call("pg_text", "text", value.node)
    if value.type == "numeric" and value.scale is not None:
        return call("pg_fixed", "text", value.node, integer(value.scale))
    if value.type == "float8":
        return call("pg_float_text", "text", value.node)
    raise unsupported(f"{NAMES.get(value.type, value.type)} as text")
