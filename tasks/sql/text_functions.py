"""MySQL's text functions and aggregates for SQLite, and what is registered on a connection."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tasks.sql import functions as f
from tasks.sql.functions import MAX_TEXT, Value, bounded, fold

COLLATION = "mysql"


def _substring(text: Value, start: Value, length: Value = MAX_TEXT) -> str:
    s, begin, count = str(text), int(start), int(length)
    if begin == 0 or count <= 0 or abs(begin) > len(s):
        return ""
    first = begin - 1 if begin > 0 else len(s) + begin
    return s[first : first + count]


def _substring_index(text: Value, mark: Value, count: Value) -> str:
    parts = str(text).split(str(mark)) if mark else []
    n = int(count)
    return str(mark).join(parts[:n] if n > 0 else parts[n:] if n < 0 else [])


def _pad(text: Value, length: Value, fill: Value, left: Value) -> str | None:
    s, n = str(text), int(length)
    if n < 0 or n > MAX_TEXT or (n > len(s) and not fill):
        return None
    if n <= len(s):
        return s[:n]
    missing = n - len(s)
    extra = (str(fill) * (missing // len(str(fill)) + 1))[:missing]
    return extra + s if left else s + extra


def _trim(text: Value, mark: Value, where: Value) -> str:
    s, m = str(text), str(mark)
    first, last = 0, len(s)
    while m and where in ("LEADING", "BOTH") and s.startswith(m, first, last):
        first += len(m)
    while m and where in ("TRAILING", "BOTH") and s.endswith(m, first, last):
        last -= len(m)
    return s[first:last]


def _replace(text: Value, old: Value, new: Value) -> str:
    s, a, b = str(text), str(old), str(new)
    if a and len(s) + s.count(a) * (len(b) - len(a)) > MAX_TEXT:
        raise ValueError("text too long")
    return s.replace(a, b) if a else s


def _repeat(text: Value, count: Value) -> str:
    if len(str(text)) * int(count) > MAX_TEXT:
        raise ValueError("text too long")
    return str(text) * max(0, int(count))


def _concat_ws(mark: Value, *values: Value) -> str | None:
    return None if mark is None else str(mark).join(str(v) for v in values if v is not None)


def _field(value: Value, *choices: Value) -> int:
    key = fold(str(value)) if value is not None else None
    return next((i for i, c in enumerate(choices, 1) if c is not None and fold(str(c)) == key), 0)


def _extreme(pick: Callable[..., Value]) -> Callable[..., Value]:
    return bounded(lambda *values: pick(values, key=lambda v: fold(v) if isinstance(v, str) else v))


def _tuple_key(*values: Value) -> str | None:
    """One value for several, for COUNT(DISTINCT a, b): NULL if one of them is."""
    return None if None in values else repr([fold(v) if isinstance(v, str) else v for v in values])


SCALARS: dict[str, tuple[int, Callable[..., Any]]] = {
    "my_number": (1, bounded(lambda v: float(f.number(v) or 0))),
    "my_real": (1, bounded(float)),
    "my_leading_int": (1, f.leading_int),
    "my_exact": (3, f.exact),
    "my_double_round": (2, f.double_round),
    "my_date": (1, f.as_date),
    "my_datetime": (1, f.as_datetime),
    "my_date_add": (3, f.date_add),
    "my_datediff": (2, f.datediff),
    "my_timestampdiff": (3, f.timestampdiff),
    "my_date_format": (2, f.date_format),
    "my_round": (2, f.round_half_up),
    "my_truncate": (2, f.truncate),
    "my_floor": (1, bounded(lambda v: math.floor(v))),
    "my_ceil": (1, bounded(lambda v: math.ceil(v))),
    "my_sign": (1, bounded(lambda v: (v > 0) - (v < 0))),
    "my_format": (2, f.number_format),
    "my_fixed": (2, f.fixed),
    "my_mod": (2, f.mod),
    "my_int_div": (2, f.int_div),
    "my_power": (2, f.power),
    "my_sqrt": (1, f.sqrt),
    "my_exp": (1, f.exponential),
    "my_ln": (1, f.logarithm),
    "my_log": (2, f.log_base),
    "my_year": (1, f.year),
    "my_month": (1, f.month),
    "my_day": (1, f.day),
    "my_hour": (1, f.hour),
    "my_minute": (1, f.minute),
    "my_second": (1, f.second),
    "my_quarter": (1, f.quarter),
    "my_day_of_week": (1, f.day_of_week),
    "my_day_of_year": (1, f.day_of_year),
    "my_weekday": (1, f.weekday),
    "my_week_iso": (1, f.week_iso),
    "my_year_month": (1, f.year_month),
    "my_day_name": (1, f.day_name),
    "my_time": (1, f.time_of_day),
    "my_last_day": (1, f.last_day),
    "my_date_number": (1, f.date_number),
    "my_datetime_number": (1, f.datetime_number),
    "my_concat": (-1, bounded(lambda *values: "".join(str(v) for v in values))),
    "my_concat_ws": (-1, _concat_ws),
    "my_left": (2, bounded(lambda s, n: str(s)[: max(0, int(n))])),
    "my_right": (2, bounded(lambda s, n: str(s)[-int(n) :] if int(n) > 0 else "")),
    "my_length": (1, bounded(lambda s: len(str(s).encode()))),
    "my_char_length": (1, bounded(lambda s: len(str(s)))),
    "my_substring": (-1, bounded(_substring)),
    "my_substring_index": (3, bounded(_substring_index)),
    "my_pad": (4, bounded(_pad)),
    "my_trim": (3, bounded(_trim)),
    "my_repeat": (2, bounded(_repeat)),
    "my_reverse": (1, bounded(lambda s: str(s)[::-1])),
    "my_replace": (3, bounded(_replace)),
    "my_upper": (1, bounded(lambda s: "".join(c.upper() if len(c.upper()) == 1 else c for c in str(s)))),
    "my_lower": (1, bounded(lambda s: str(s).lower())),
    "my_locate": (2, bounded(lambda s, part: str(s).lower().find(str(part).lower()) + 1)),
    "my_ascii": (1, bounded(lambda s: str(s).encode()[0] if s else 0)),
    "my_field": (-1, _field),
    "my_find_in_set": (
        2,
        bounded(lambda s, items: _field(s, *str(items).split(",")) if items and "," not in s else 0),
    ),
    "my_greatest": (-1, _extreme(max)),
    "my_least": (-1, _extreme(min)),
    "my_tuple": (-1, _tuple_key),
    "like": (2, f.like),
}


class _OnlyRow:
    """The value of a scalar subquery: MySQL refuses a second row, where SQLite takes the first."""

    def __init__(self) -> None:
        self.values: list[Value] = []

    def step(self, value: Value) -> None:
        self.values.append(value)
        if len(self.values) > 1:
            raise ValueError("subquery returns more than one row")

    def finalize(self) -> Value:
        return self.values[0] if self.values else None


class _Min:
    """MIN without SQLite's habit of taking bare columns from the row where the minimum is."""

    pick: Callable[..., Value] = staticmethod(min)

    def __init__(self) -> None:
        self.best: Value = None

    def step(self, value: Value) -> None:
        if value is None:
            return
        keep = value if self.best is None else type(self).pick(self.best, value, key=self._key)
        self.best = keep

    @staticmethod
    def _key(value: Value) -> Value:
        return fold(value) if isinstance(value, str) else value

    def finalize(self) -> Value:
        return self.best


class _Max(_Min):
    pick = staticmethod(max)


class _GroupConcat:
    """GROUP_CONCAT(value ORDER BY keys SEPARATOR mark): step(mark, distinct, directions, value, key...)."""

    def __init__(self) -> None:
        self.rows: list[tuple[Value, ...]] = []
        self.mark, self.distinct, self.directions = ",", 0, ""
        self.size = 0

    def step(self, mark: str, distinct: int, directions: str, value: Value, *keys: Value) -> None:
        self.mark, self.distinct, self.directions = mark, distinct, directions
        if value is not None:
            self.size += len(str(value))
            if self.size <= 10 * MAX_TEXT:
                self.rows.append((value, *keys))

    def finalize(self) -> str | None:
        rows = self.rows
        if self.distinct:
            rows = list({fold(str(row[0])): row for row in reversed(rows)}.values())[::-1]
        for i in reversed(range(len(self.directions))):  # stable sorts from the last key to the first
            rows.sort(key=lambda row: _sort_key(row[i + 1]), reverse=self.directions[i] == "d")
        text = self.mark.join(str(row[0]) for row in rows) if rows else None
        if self.size > 10 * MAX_TEXT or (text is not None and len(text) > MAX_TEXT):
            raise ValueError("text too long")
        return text


def _sort_key(value: Value) -> tuple[int, Value]:
    if value is None:
        return (0, 0)
    return (2, fold(value)) if isinstance(value, str) else (1, value)


class _Spread:
    """Variance and standard deviation: subclasses set what is divided by n-1 or n, and whether the root is taken."""

    sample = False
    root = False

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: Value) -> None:
        if value is not None:
            self.values.append(float(f.number(value) or 0))

    def finalize(self) -> float | None:
        n = len(self.values) - self.sample
        if n < 1:
            return None
        mean = math.fsum(self.values) / len(self.values)
        variance = math.fsum((v - mean) ** 2 for v in self.values) / n
        return math.sqrt(variance) if self.root else variance


class ExactSum:
    """SUM of DECIMALs, over a window as well."""

    def __init__(self) -> None:
        self.total, self.count = Decimal(0), 0

    def step(self, value: Value) -> None:
        """A row comes into the window."""
        if value is not None:
            self.total += Decimal(repr(value))
            self.count += 1

    def inverse(self, value: Value) -> None:
        """A row leaves the window."""
        if value is not None:
            self.total -= Decimal(repr(value))
            self.count -= 1

    def value(self) -> Value:
        """The sum of the rows in the window."""
        return float(self.total) if self.count else None

    def finalize(self) -> Value:
        """The answer."""
        return self.value()


class ExactAvg(ExactSum):
    """AVG of DECIMALs."""

    def value(self) -> Value:
        """The mean of the rows in the window."""
        return float(self.total / self.count) if self.count else None


AGGREGATES: dict[str, tuple[int, type]] = {
    "my_only_row": (1, _OnlyRow),
    "my_min": (1, _Min),
    "my_max": (1, _Max),
    "my_group_concat": (-1, _GroupConcat),
    "my_var_pop": (1, type("_VarPop", (_Spread,), {})),
    "my_var_samp": (1, type("_VarSamp", (_Spread,), {"sample": True})),
    "my_stddev_pop": (1, type("_StddevPop", (_Spread,), {"root": True})),
    "my_stddev_samp": (1, type("_StddevSamp", (_Spread,), {"root": True, "sample": True})),
}


def register(connection: sqlite3.Connection) -> None:
    """Give a connection all functions, aggregates and the collation that translated queries use."""
    connection.create_collation(COLLATION, f.collate)
    for name, (count, function) in SCALARS.items():
        connection.create_function(name, count, function, deterministic=True)
    connection.create_function("like", 3, f.like, deterministic=True)
    for name, (count, aggregate) in AGGREGATES.items():
        connection.create_aggregate(name, count, aggregate)
    connection.create_window_function("my_sum", 1, ExactSum)
