"""Candidate values for a column: those that pass what the gold query asks, and those that nearly do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from random import Random

from tasks.sql.functions import NOW, date_add, fold, like, moment, number
from tasks.sql.harvest import Test
from tasks.sql.schema import Column
from tasks.sql.text_functions import Value

WORDS = ("alpha", "bravo", "delta", "echo", "golf", "hotel", "lima", "mike", "oscar", "romeo", "sierra", "tango")
_YEARS = range(1900, 2101)


def candidates(column: Column, tests: list[Test], rng: Random) -> tuple[list[Value], list[Value]]:
    """Values worth putting into a column.

    Returns:
        (hits, misses): those that pass the most tests, and the others near them. Both may be used freely; without
        tests every value is a hit.
    """
    pool: list[Value] = []
    for operator, value in tests:
        pool += _near(column, operator, value)
    if column.family in ("date", "datetime"):
        pool += _months(tests)
    pool += _plain(column, rng) if len(pool) < 4 else _plain(column, rng)[:2]
    pool = [v for v in (_fit(column, v) for v in pool) if v is not None]
    pool = list(dict.fromkeys(pool))
    if not tests:
        return pool, pool
    scores = [sum(_passes(v, test) for test in tests) for v in pool]
    best = max(scores, default=0)
    hits = [v for v, score in zip(pool, scores, strict=True) if score == best]
    return hits, [v for v, score in zip(pool, scores, strict=True) if score < best] or hits


def _passes(value: Value, test: Test) -> bool:
    operator, wanted = test
    if operator == "like":
        return bool(like(str(wanted), value)) if str(wanted).count("%") < 8 else False
    if isinstance(value, str) and not isinstance(wanted, str):
        part = moment(value)
        known = (part.year, part.month, part.day) if part is not None else (number(value),)
        return wanted in known if operator == "=" else _ordered(operator, known[0], wanted)
    if isinstance(value, int | float) and isinstance(wanted, str):
        wanted = number(wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        if moment(value) and not moment(wanted):
            return value.startswith(wanted)
        return _ordered(operator, fold(value), fold(wanted))
    return _ordered(operator, value, wanted)


def _ordered(operator: str, value: Value, wanted: Value) -> bool:
    if value is None or wanted is None:
        return False
    match operator:
        case "=":
            return bool(value == wanted)
        case "<>":
            return bool(value != wanted)
        case ">":
            return bool(value > wanted)
        case ">=":
            return bool(value >= wanted)
        case "<":
            return bool(value < wanted)
    return bool(value <= wanted)


def _near(column: Column, operator: str, value: Value) -> list[Value]:
    if column.family in ("int", "real"):
        n = number(value)
        if n is None:
            return []
        step = 10.0 ** -(column.scale or 0) if column.family == "real" else 1
        near = [n, n + step, n - step, n + 10, n * 2]
        return [*near, n + 0.5] if column.family == "real" else near
    if column.family in ("date", "datetime"):
        return _near_moment(value)
    if column.family == "time":
        return [value, "00:00:00", "23:59:59"] if isinstance(value, str) else []
    if operator == "like":
        return _instances(str(value))
    if not isinstance(value, str):
        return [str(value), str(value + 1), "10" + str(value)]
    if moment(value):
        return _near_moment(value)
    return [value, value + "x", value[:-1] or "y", *([value.swapcase()] if value.swapcase() != value else [])]


def _near_moment(value: Value) -> list[Value]:
    if isinstance(value, str) and not value.isdigit():
        return _near_date(value)
    whole = int(value)
    now = datetime.fromisoformat(NOW)
    if whole in _YEARS:
        days = ("01-01 00:00:00", "12-31 00:00:00", "06-15 09:30:00")
        return [*(f"{whole}-{d}" for d in days), f"{whole - 1}-12-31 00:00:00", f"{whole + 1}-01-01 00:00:00"]
    near: list[Value] = [_text(now - timedelta(days=d)) for d in (whole - 1, whole, whole + 1) if 0 <= d <= 40_000]
    if 1 <= whole <= 12:
        near += [f"{y}-{m:02}-10 08:00:00" for y in (2023, 2024) for m in (whole, whole % 12 + 1)]
    if 1 <= whole <= 31:
        near.append(f"2024-01-{whole:02} 08:00:00")
    return near


def _near_date(value: str) -> list[Value]:
    base = moment(value)
    if base is None:
        partial = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-?%)?", value)  # '2024-03', or a LIKE pattern
        base = moment(f"{partial[1]}-{partial[2] or 6}-15") if partial is not None else None
        steps: tuple[timedelta, ...] = (timedelta(0), timedelta(days=1), timedelta(days=-40))
    else:
        steps = tuple(
            timedelta(days=d, seconds=s) for d, s in ((0, 0), (1, 0), (-1, 0), (35, 0), (-35, 0), (0, 1), (0, -1))
        )
    return [_text(base + step) for step in steps if _fits(base, step)] if base is not None else []


def _fits(base: datetime, step: timedelta) -> bool:
    return 1 < base.year < 9998 or not step


def _months(tests: list[Test]) -> list[Value]:
    """Dates for tests on year and month together."""
    parts = [int(v) for _, v in tests if isinstance(v, int | float) or (isinstance(v, str) and v.isdigit())]
    years = [p for p in parts if p in _YEARS][:3]
    months = [p for p in parts if 1 <= p <= 12][:3]
    return [f"{y}-{m:02}-{d} 08:00:00" for y in years for m in months for d in ("07", "28")]


def _text(m: datetime) -> str:
    return m.isoformat(" ")


def _instances(pattern: str) -> list[Value]:
    """Texts a LIKE pattern takes, and some it just misses."""
    filled = [pattern.replace("\\", "").replace("_", "a").replace("%", middle) for middle in ("", "zz", " q ")]
    core = pattern.strip("%").replace("_", "a").replace("%", "w").replace("\\", "")
    return [*filled, core, "p" + core, core + "s", core[:-1] or "k", core.swapcase()]


def _plain(column: Column, rng: Random) -> list[Value]:
    """Values for a column about which the query says nothing; few, so that ties and duplicates happen."""
    if column.values:
        return list(column.values)
    if column.boolean:
        return [0, 1]
    if column.year:
        return [2022, 2023, 2024]
    start = rng.randrange(6)
    match column.family:
        case "int":
            return [start, start + 1, start + 2, start + 5, start * 10 + 20, 100]
        case "real":
            return [start + 0.5, start + 1.0, start * 2 + 3.25, 20.0, 99.5]
        case "date" | "datetime":
            dates = ["2024-06-14 10:00:00", "2023-02-28 00:00:00", "2024-02-29 23:59:59", "2022-12-31 12:30:00"]
            return [*dates[start % 4 :], *dates[: start % 4]]
        case "time":
            return ["08:00:00", "12:30:00", "23:59:59"]
    return [WORDS[(start * 2 + i) % len(WORDS)] for i in range(5)] + [WORDS[start].upper()]


def _fit(column: Column, value: Value) -> Value:
    """The value as the column would hold it, or None if it cannot."""
    if column.family in ("int", "real"):
        return _fit_number(column, value)
    if column.family in ("date", "datetime"):
        m = moment(value)
        return m and (m.date().isoformat() if column.family == "date" else m.isoformat(" "))
    if column.family == "time":
        return value if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d:\d\d", value) else None
    if column.values:
        return next((v for v in column.values if fold(v) == fold(str(value))), None)
    text = str(value)
    return text if column.length is None or len(text) <= column.length else None


def _fit_number(column: Column, value: Value) -> Value:
    if not isinstance(value, int | float) or not abs(value) <= column.largest:
        return None
    out_of_place = (
        (column.unsigned and value < 0)
        or (column.boolean and value not in (0, 1))
        or (column.year and value not in _YEARS)
    )
    if out_of_place:
        return None
    return round(value) if column.family == "int" else round(float(value), 4 if column.scale is None else column.scale)


def numbered(column: Column, value: Value, number: int, count: int) -> Value:
    """A unique column's value: as it is for the first rows, then told apart by a number."""
    if number < count:
        return value
    if isinstance(value, str) and column.family == "text" and not column.values:
        longer = f"{value}{number}"
        return longer if column.length is None or len(longer) <= column.length else str(number)[: column.length]
    return value + number if isinstance(value, int | float) else value


def ranked(column: Column, pool: list[Value], number: int) -> Value:
    """Values without ties, in an order that has nothing to do with the order of the rows' keys."""
    place = number * 7 % 61  # distinct for 61 rows in a row
    first = pool[0]
    if column.family in ("date", "datetime"):
        unit = "HOUR" if column.family == "datetime" else "DAY"
        return date_add(first, place * 5, unit)
    if column.family == "text" and not column.values:
        word = f"{WORDS[place % len(WORDS)]}{place}"
        return word if column.length is None or len(word) <= column.length else first
    if column.family in ("int", "real") and not column.boolean and not column.year:
        step = 1 if column.largest >= 200 else 10.0 ** -(column.scale or 0)
        value = (first if first + place <= column.largest else 0) + place * step
        return round(value) if column.family == "int" else round(value, 4 if column.scale is None else column.scale)
    return pool[place % len(pool)]


def extreme(column: Column, pool: list[Value], number: int, highest: bool) -> Value:
    """A value above (or below) all others of the pool, where the column has room for one; no two numbers share it."""
    known = [v for v in pool if v is not None]
    edge = max(known) if highest else min(known)
    if column.family in ("date", "datetime"):
        return date_add(edge, (300 + number) * (1 if highest else -1), "DAY")
    if isinstance(edge, int | float) and not column.boolean and not column.year:
        beyond = edge + (1 + number) * (1 if highest else -1)
        return _fit_number(column, beyond) if _fit_number(column, beyond) is not None else edge
    return edge
