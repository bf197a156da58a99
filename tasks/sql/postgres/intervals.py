"""PostgreSQL's intervals as text 'months|days|microseconds': a month is no fixed number of days."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from tasks.sql.postgres import moments

Value = Any
DAY = 86_400_000_000
_UNITS: dict[str, tuple[int, int, int]] = {
    "microsecond": (0, 0, 1),
    "millisecond": (0, 0, 1_000),
    "second": (0, 0, 1_000_000),
    "sec": (0, 0, 1_000_000),
    "minute": (0, 0, 60_000_000),
    "min": (0, 0, 60_000_000),
    "hour": (0, 0, 3_600_000_000),
    "day": (0, 1, 0),
    "week": (0, 7, 0),
    "month": (1, 0, 0),
    "mon": (1, 0, 0),
    "year": (12, 0, 0),
}
_TERM = re.compile(r"\s*([+-]?\d+)\s*([A-Za-z]+)")


def write(months: int, days: int, micros: int) -> str:
    """The text of an interval."""
    return f"{months}|{days}|{micros}"


def fields(value: str) -> tuple[int, int, int]:
    """Months, days and microseconds of an interval."""
    months, days, micros = value.split("|")
    return int(months), int(days), int(micros)


def parse(written: Value) -> str | None:
    """'1 day', '2 years 3 months', '90 minutes'; None for other ways to write one (and for NULL)."""
    if written is None or not re.fullmatch(f"(?:{_TERM.pattern})+\\s*", written):
        return None
    total = [0, 0, 0]
    for count, unit in _TERM.findall(written):
        step = _UNITS.get(unit.lower()) or _UNITS.get(unit.lower().removesuffix("s"))
        if step is None:
            return None
        total = [t + int(count) * s for t, s in zip(total, step, strict=True)]
    return write(*total)


def key(value: Value) -> int | None:
    """What intervals are compared by: microseconds, a month of 30 days."""
    if value is None:
        return None
    months, days, micros = fields(value)
    return (months * 30 + days) * DAY + micros


def combine(left: Value, right: Value, sign: int) -> str | None:
    """Interval plus or minus interval."""
    if left is None or right is None:
        return None
    return write(*(a + sign * b for a, b in zip(fields(left), fields(right), strict=True)))


def times(value: Value, count: Value) -> str | None:
    """Interval times an integer."""
    return None if value is None or count is None else write(*(f * count for f in fields(value)))


def shift(value: Value, interval: Value, sign: int) -> str | None:
    """Timestamp plus or minus interval: months first, then days and time."""
    m = moments.read(value)
    if m is None or interval is None:
        return None
    months, days, micros = fields(interval)
    if months:
        m = moments.add_months(m, sign * months)
    return moments.write(m + sign * timedelta(days=days, microseconds=micros))


def between(left: Value, right: Value) -> str | None:
    """Timestamp minus timestamp: days and time, no months."""
    a, b = moments.read(left), moments.read(right)
    if a is None or b is None:
        return None
    micros = (a - b) // timedelta(microseconds=1)
    days = abs(micros) // DAY * (1 if micros >= 0 else -1)
    return write(0, days, micros - days * DAY)


def age(left: Value, right: Value) -> str | None:
    """AGE(left, right): years, months and days, as on a calendar."""
    a, b = moments.read(left), moments.read(right)
    if a is None or b is None:
        return None
    sign, late, early = (1, a, b) if a >= b else (-1, b, a)
    months = (late.year - early.year) * 12 + late.month - early.month
    days = late.day - early.day
    micros = (_time(late) - _time(early)) // timedelta(microseconds=1)
    if micros < 0:
        micros, days = micros + DAY, days - 1
    if days < 0:
        # PostgreSQL borrows the length of the earlier moment's month.
        months, days = months - 1, days + _month_length(early)
    return write(sign * months, sign * days, sign * micros)


def _time(m: datetime) -> timedelta:
    return timedelta(hours=m.hour, minutes=m.minute, seconds=m.second, microseconds=m.microsecond)


def _month_length(m: datetime) -> int:
    first = m.replace(day=1)
    return (moments.add_months(first, 1) - first).days


def part(field: str, value: Value) -> int | float | None:
    """EXTRACT(field FROM interval)."""
    if value is None:
        return None
    months, days, micros = fields(value)
    years = int(months / 12)
    seconds = micros / 1e6
    parts: dict[str, int | float] = {
        **{"year": years, "month": months - years * 12, "day": days, "hour": int(micros / 3_600_000_000)},
        **{"minute": int(seconds / 60) - int(micros / 3_600_000_000) * 60},
        "second": seconds - int(seconds / 60) * 60,
        # A year counts 365.25 days here, a month 30.
        "epoch": years * 365.25 * 86_400 + (months - years * 12) * 30 * 86_400 + days * 86_400 + seconds,
    }
    return parts[field]
