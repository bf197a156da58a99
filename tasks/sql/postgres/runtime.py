"""PostgreSQL's functions for SQLite. NULL is None; an error of PostgreSQL is a ValueError."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from tasks.sql import text_functions
from tasks.sql.functions import MAX_TEXT, bounded
from tasks.sql.postgres import intervals, moments

Value = Any


def exact(value: Value) -> Decimal:
    """A number as the decimal it is written as."""
    return Decimal(repr(value))


def _plain(value: Decimal) -> Value:
    return float(value)


def whole(value: Value, bits: int) -> int:
    """An integer within the bits of its type."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("not an integer")
    number = int(value)
    if not -(2**bits) <= number < 2**bits:
        raise ValueError("integer out of range")
    return number


def _arithmetic(operator: str, a: Value, b: Value) -> Value:
    x, y = exact(a), exact(b)
    match operator:
        case "+":
            return _plain(x + y)
        case "-":
            return _plain(x - y)
        case "*":
            return _plain(x * y)
    if y == 0:
        raise ValueError("division by zero")
    return _plain(x / y if operator == "/" else x % y)  # Decimal's % takes the sign of the dividend, as PostgreSQL's


def _int_div(a: int, b: int) -> int:
    if b == 0:
        raise ValueError("division by zero")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _int_mod(a: int, b: int) -> int:
    return a - b * _int_div(a, b)


def _float_div(a: float, b: float) -> float:
    if b == 0:
        raise ValueError("division by zero")
    return a / b


def _rounding(mode: str) -> Callable[..., Value]:
    def rounded(value: Value, digits: Value) -> Value:
        if abs(value) >= 1e15:
            return value
        return _plain(exact(value).quantize(Decimal(1).scaleb(-max(-15, min(15, int(digits)))), mode))

    return bounded(rounded)


def _fixed(value: Value, digits: int) -> str:
    return f"{exact(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


def _float_text(value: float) -> str:
    if value != 0 and not 1e-4 <= abs(value) < 1e15:
        raise ValueError("exponents are not written here")
    return repr(float(value)).removesuffix(".0")


def _to_int(bits: int) -> Callable[..., Value]:
    def convert(value: str) -> int:
        if not re.fullmatch(r"\s*[+-]?\d+\s*", value):
            raise ValueError("not an integer")
        return whole(int(value), bits)

    return bounded(convert)


def _to_number(value: str) -> float:
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value):
        raise ValueError("not a number")
    return float(value)


def _like(value: str, pattern: str, escape: str, any_case: int) -> int:
    if pattern.count("%") > 8:
        raise ValueError("too many wildcards")
    parts, i = [], 0
    while i < len(pattern):
        c = pattern[i]
        if c == escape:
            if i + 1 == len(pattern):
                raise ValueError("LIKE pattern must not end with escape character")
            i += 1
            parts.append(re.escape(pattern[i]))
        else:
            parts.append(".*?" if c == "%" else "." if c == "_" else re.escape(c))
        i += 1
    flags = re.DOTALL | (re.IGNORECASE if any_case else 0)
    return int(re.compile("".join(parts), flags).fullmatch(value) is not None)


def _substring(text: str, start: int, length: int = MAX_TEXT) -> str:
    if length < 0:
        raise ValueError("negative substring length not allowed")
    end = start + length
    return text[max(start, 1) - 1 : max(end, 1) - 1]


def _pad(text: str, length: int, fill: str, left: int) -> str:
    if length > MAX_TEXT:
        raise ValueError("text too long")
    if length <= len(text) or not fill:
        return text[: max(0, length)]
    extra = (fill * (length - len(text)))[: length - len(text)]
    return extra + text if left else text + extra


def _trim(text: str, marks: str, where: str) -> str:
    if where in ("LEADING", "BOTH"):
        text = text.lstrip(marks) if marks else text
    if where in ("TRAILING", "BOTH"):
        text = text.rstrip(marks) if marks else text
    return text


def _split_part(text: str, mark: str, index: int) -> str:
    if index == 0:
        raise ValueError("field position must not be zero")
    parts = text.split(mark) if mark else [text]
    place = index - 1 if index > 0 else len(parts) + index
    return parts[place] if 0 <= place < len(parts) else ""


def _repeat(text: str, count: int) -> str:
    if len(text) * count > MAX_TEXT:
        raise ValueError("text too long")
    return text * max(0, count)


def _guarded(fn: Callable[..., float]) -> Callable[..., Value]:
    return bounded(lambda *values: fn(*(float(v) for v in values)))


def _extreme(pick: Callable[..., Value]) -> Callable[..., Value]:
    """GREATEST and LEAST leave NULLs out."""
    return lambda *values: pick(present) if (present := [v for v in values if v is not None]) else None


def _concat_ws(mark: Value, *values: Value) -> str | None:
    return None if mark is None else str(mark).join(str(v) for v in values if v is not None)


SCALARS: dict[str, tuple[int, Callable[..., Any]]] = {
    "pg_int": (2, bounded(whole)),
    "pg_num": (3, bounded(_arithmetic)),
    "pg_int_div": (2, bounded(_int_div)),
    "pg_int_mod": (2, bounded(_int_mod)),
    "pg_float_div": (2, bounded(_float_div)),
    "pg_round": (2, _rounding(ROUND_HALF_UP)),
    "pg_round_even": (2, _rounding(ROUND_HALF_EVEN)),
    "pg_trunc": (2, _rounding(ROUND_DOWN)),
    "pg_floor": (1, bounded(lambda v: float(math.floor(v)))),
    "pg_ceil": (1, bounded(lambda v: float(math.ceil(v)))),
    "pg_sign": (1, bounded(lambda v: (v > 0) - (v < 0))),
    "pg_digits": (1, bounded(lambda v: float(f"{v:.15g}"))),
    "pg_power": (2, _guarded(math.pow)),
    "pg_sqrt": (1, _guarded(math.sqrt)),
    "pg_exp": (1, _guarded(math.exp)),
    "pg_ln": (1, _guarded(math.log)),
    "pg_log": (1, _guarded(math.log10)),
    "pg_log_base": (2, _guarded(lambda base, v: math.log(v) / math.log(base))),
    "pg_text": (1, bounded(str)),
    "pg_fixed": (2, bounded(_fixed)),
    "pg_float_text": (1, bounded(_float_text)),
    "pg_text_to_int2": (1, _to_int(15)),
    "pg_text_to_int4": (1, _to_int(31)),
    "pg_text_to_int8": (1, _to_int(63)),
    "pg_text_to_numeric": (1, bounded(_to_number)),
    "pg_text_to_float8": (1, bounded(_to_number)),
    "pg_text_to_date": (1, moments.strict(moments.to_date)),
    "pg_text_to_timestamp": (1, moments.strict(moments.to_timestamp)),
    "pg_text_to_interval": (1, moments.strict(intervals.parse)),
    "pg_timestamp": (1, moments.to_timestamp),
    "pg_date": (1, moments.to_date),
    "pg_time": (1, bounded(lambda v: v[11:])),
    "pg_part": (2, moments.part),
    "pg_date_trunc": (2, moments.trunc),
    "pg_add_days": (2, moments.add_days),
    "pg_days_between": (2, moments.days_between),
    "pg_to_char": (2, moments.to_char),
    "pg_interval_key": (1, intervals.key),
    "pg_interval_combine": (3, intervals.combine),
    "pg_interval_times": (2, intervals.times),
    "pg_interval_part": (2, intervals.part),
    "pg_shift": (3, intervals.shift),
    "pg_between": (2, intervals.between),
    "pg_age": (2, intervals.age),
    "pg_like": (4, bounded(_like)),
    "pg_concat": (-1, lambda *values: "".join(str(v) for v in values if v is not None)),
    "pg_concat_ws": (-1, _concat_ws),
    "pg_length": (1, bounded(len)),
    "pg_upper": (1, bounded(str.upper)),
    "pg_lower": (1, bounded(str.lower)),
    "pg_initcap": (1, bounded(lambda s: re.sub(r"[^\W_]+", lambda word: word.group().capitalize(), s))),
    "pg_left": (2, bounded(lambda s, n: s[:n])),
    "pg_right": (2, bounded(lambda s, n: s[-n:] if n else "")),
    "pg_substring": (-1, bounded(_substring)),
    "pg_position": (2, bounded(lambda s, part: s.find(part) + 1)),
    "pg_replace": (3, bounded(lambda s, a, b: s.replace(a, b) if a else s)),
    "pg_reverse": (1, bounded(lambda s: s[::-1])),
    "pg_repeat": (2, bounded(_repeat)),
    "pg_pad": (4, bounded(_pad)),
    "pg_trim": (3, bounded(_trim)),
    "pg_split_part": (3, bounded(_split_part)),
    "pg_ascii": (1, bounded(lambda s: ord(s[0]) if s else 0)),
    "pg_greatest": (-1, _extreme(max)),
    "pg_least": (-1, _extreme(min)),
}


class _StringAgg:
    """STRING_AGG(value, mark ORDER BY keys): step(distinct, directions, mark, value, key...)."""

    def __init__(self) -> None:
        self.rows: list[tuple[Value, ...]] = []
        self.directions = ""

    def step(self, distinct: int, directions: str, mark: Value, value: Value, *keys: Value) -> None:
        self.directions = directions
        if value is None or (distinct and any(row[0] == value for row in self.rows)):
            return
        self.rows.append((value, mark, *keys))

    def finalize(self) -> str | None:
        rows = self.rows
        for i in reversed(range(len(self.directions))):  # stable sorts from the last key to the first
            down, nulls_first = self.directions[i] in "dD", self.directions[i] in "AD"
            present = sorted((r for r in rows if r[i + 2] is not None), key=lambda r: r[i + 2], reverse=down)
            absent = [r for r in rows if r[i + 2] is None]
            rows = absent + present if nulls_first else present + absent
        if not rows:
            return None
        text = str(rows[0][0]) + "".join(f"{row[1] or ''}{row[0]}" for row in rows[1:])
        if len(text) > MAX_TEXT:
            raise ValueError("text too long")
        return text


class _Spread:
    """Variance and standard deviation."""

    sample, root = False, False

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: Value) -> None:
        if value is not None:
            self.values.append(float(value))

    def finalize(self) -> float | None:
        n = len(self.values) - self.sample
        if n < 1:
            return None
        mean = math.fsum(self.values) / len(self.values)
        variance = math.fsum((v - mean) ** 2 for v in self.values) / n
        return math.sqrt(variance) if self.root else variance


AGGREGATES: dict[str, tuple[int, type]] = {
    "my_only_row": text_functions.AGGREGATES["my_only_row"],
    "pg_string_agg": (-1, _StringAgg),
    "pg_var_pop": (1, type("_VarPop", (_Spread,), {})),
    "pg_var_samp": (1, type("_VarSamp", (_Spread,), {"sample": True})),
    "pg_stddev_pop": (1, type("_StddevPop", (_Spread,), {"root": True})),
    "pg_stddev_samp": (1, type("_StddevSamp", (_Spread,), {"root": True, "sample": True})),
}
WINDOWS: dict[str, type] = {"pg_sum": text_functions.ExactSum, "pg_avg": text_functions.ExactAvg}


def register(connection: sqlite3.Connection) -> None:
    """Give a connection all functions and aggregates that translated PostgreSQL queries use."""
    for name, (count, function) in SCALARS.items():
        connection.create_function(name, count, function, deterministic=True)
    for name, (count, aggregate) in AGGREGATES.items():
        connection.create_aggregate(name, count, aggregate)
    for name, window in WINDOWS.items():
        connection.create_window_function(name, 1, window)
