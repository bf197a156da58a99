"""MySQL's functions for SQLite, as plain Python: dates are text ('2024-06-15', '2024-06-15 12:00:00'), NULL is None.

Every function answers NULL for a NULL argument unless its docstring says otherwise. All were compared with a real
server (tests/live).
"""

from __future__ import annotations

import calendar
import math
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

NOW = "2024-06-15 12:00:00"  # what NOW() answers: a score must not depend on the day it is computed
MAX_TEXT = 100_000
MAX_PATTERN = 1_000

Value = Any  # int | float | str | None, as SQLite hands them over
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\s*(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d*)?)?)?\s*")


def bounded(fn: Callable[..., Value]) -> Callable[..., Value]:
    """NULL in, NULL out; answers longer than a sandbox should hold are an error."""

    def checked(*values: Value) -> Value:
        if any(v is None for v in values):
            return None
        answer = fn(*values)
        if isinstance(answer, str) and len(answer) > MAX_TEXT:
            raise ValueError("text too long")
        return answer

    return checked


def fold(text: str) -> str:
    """What a text is compared by under MySQL's default collations: no case, no accents, no trailing blanks."""
    return _fold_short(text) if len(text) <= 100 else _fold(text)


def _fold(text: str) -> str:
    if text.isascii():
        return text.rstrip(" ").lower()
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) <= 0x36F)
    return unicodedata.normalize("NFC", bare).lower().replace("ß", "s").rstrip(" ")


_fold_short = lru_cache(maxsize=20_000)(_fold)  # long texts would fill the memory


def collate(left: str, right: str) -> int:
    """Order of two texts under MySQL's default collations."""
    if left == right:
        return 0
    a, b = fold(left), fold(right)
    return (a > b) - (a < b)


@lru_cache(maxsize=1_000)
def _like_regex(pattern: str, escape: str) -> re.Pattern[str]:
    pieces, i = [""], 0  # what stands between the %
    while i < len(pattern):
        c = pattern[i]
        if c == escape and i + 1 < len(pattern):
            i += 1
            pieces[-1] += re.escape(pattern[i])
        elif c == "%":
            pieces.append("")
        else:
            pieces[-1] += "." if c == "_" else re.escape(c)
        i += 1
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    first, *middle, last = pieces
    # The first place where a piece fits is as good as any later one, so nothing is tried twice (atomic groups).
    found = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def like(pattern: Value, value: Value, escape: str = "\\") -> int | None:
    """`value LIKE pattern`; SQLite hands the pattern over first."""
    if pattern is None or value is None:
        return None
    if len(str(pattern)) > MAX_PATTERN:
        raise ValueError("pattern too long")
    folded = fold(str(pattern) + "|")[:-1]  # the mark keeps blanks at the end, which count in LIKE
    return int(_like_regex(folded, escape).fullmatch(fold(str(value) + "|")[:-1]) is not None)


def number(value: Value) -> int | float | None:
    """A text as MySQL reads it where a number is asked for: the digits it begins with, else 0."""
    if value is None or isinstance(value, int | float):
        return value
    found = _NUMBER.match(str(value))
    if not found:
        return 0
    text = found.group().strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,15}", text) else float(text)


def moment(value: Value) -> datetime | None:
    """A date or date-time text, or None if it is none."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    try:
        return datetime(*(int(g or 0) for g in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def as_date(value: Value) -> str | None:
    """DATE(x)."""
    m = moment(value)
    return None if m is None else m.date().isoformat()


def as_datetime(value: Value) -> str | None:
    """TIMESTAMP(x): a date gets midnight."""
    m = moment(value)
    return None if m is None else m.isoformat(" ")


def _part(read: Callable[[datetime], Value]) -> Callable[[Value], Value]:
    def part(value: Value) -> Value:
        m = moment(value)
        return None if m is None else read(m)

    return part


def _shift(m: datetime, count: float, unit: str) -> datetime:
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(unit)
    if months:
        total = m.year * 12 + m.month - 1 + months * int(Decimal(str(count)).quantize(0, ROUND_HALF_UP))
        year, month = divmod(total, 12)
        return m.replace(year=year, month=month + 1, day=min(m.day, calendar.monthrange(year, month + 1)[1]))
    seconds = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}[unit]
    whole = count if unit == "SECOND" else int(Decimal(str(count)).quantize(0, ROUND_HALF_UP))
    return m + timedelta(seconds=whole * seconds)


def date_add(value: Value, count: Value, unit: str) -> str | None:
    """DATE_ADD(value, INTERVAL count unit): a date stays one unless the unit is a time of day."""
    m, n = moment(value), number(count)
    if m is None or n is None:
        return None
    try:
        shifted = _shift(m, n, unit)
    except (OverflowError, ValueError):
        return None
    has_time = ":" in value or unit in {"HOUR", "MINUTE", "SECOND"}
    return shifted.isoformat(" ") if has_time else as_date(shifted.isoformat(" "))


def datediff(left: Value, right: Value) -> int | None:
    """DATEDIFF: whole days between the dates, times of day left out."""
    a, b = moment(left), moment(right)
    return None if a is None or b is None else (a.date() - b.date()).days


def timestampdiff(unit: str, start: Value, end: Value) -> int | None:
    """TIMESTAMPDIFF: full units from start to end, cut towards zero."""
    a, b = moment(start), moment(end)
    if a is None or b is None:
        return None
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}.get(unit)
    if not months:
        seconds = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}[unit]
        return int((b - a).total_seconds() / seconds)
    sign, low, high = (1, a, b) if a <= b else (-1, b, a)
    full = (high.year - low.year) * 12 + high.month - low.month
    rest = (high.day, high.time()) < (low.day, low.time())
    return sign * ((full - rest) // months)


_FORMATS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda m: f"{m.year:04}",
    "y": lambda m: f"{m.year % 100:02}",
    "m": lambda m: f"{m.month:02}",
    "c": lambda m: str(m.month),
    "d": lambda m: f"{m.day:02}",
    "e": lambda m: str(m.day),
    "H": lambda m: f"{m.hour:02}",
    "k": lambda m: str(m.hour),
    "h": lambda m: f"{(m.hour - 1) % 12 + 1:02}",
    "I": lambda m: f"{(m.hour - 1) % 12 + 1:02}",
    "l": lambda m: str((m.hour - 1) % 12 + 1),
    "i": lambda m: f"{m.minute:02}",
    "s": lambda m: f"{m.second:02}",
    "S": lambda m: f"{m.second:02}",
    "p": lambda m: "AM" if m.hour < 12 else "PM",
    "M": lambda m: calendar.month_name[m.month],
    "b": lambda m: calendar.month_abbr[m.month],
    "W": lambda m: calendar.day_name[m.weekday()],
    "a": lambda m: calendar.day_abbr[m.weekday()],
    "j": lambda m: f"{m.timetuple().tm_yday:03}",
    "w": lambda m: str(m.isoweekday() % 7),
    "T": lambda m: f"{m:%H:%M:%S}",
    "%": lambda m: "%",
}
KNOWN_FORMAT = re.compile(r"(?:[^%]|%[" + "".join(_FORMATS) + "])*")


def date_format(value: Value, pattern: Value) -> str | None:
    """DATE_FORMAT for the marks of `KNOWN_FORMAT`."""
    m = moment(value)
    if m is None or pattern is None:
        return None
    return re.sub(r"%(.)", lambda found: _FORMATS[found.group(1)](m), pattern)


def _exact(value: Value) -> Decimal:
    try:
        return Decimal(repr(value)) if isinstance(value, int | float) else Decimal(str(number(value)))
    except InvalidOperation:
        return Decimal(0)


def _rounding(mode: str) -> Callable[..., Value]:
    def rounded(value: Value, digits: Value = 0) -> Value:
        if value is None or digits is None:
            return None
        exact = _exact(value)
        if not exact.is_finite() or abs(exact) > Decimal(10) ** 15:
            return value
        places = max(-15, min(15, int(digits)))
        result = exact.quantize(Decimal(1).scaleb(-places), mode)
        return int(result) if isinstance(value, int) or places <= 0 else float(result)

    return rounded


def double_round(value: Value, digits: Value = 0) -> Value:
    """ROUND of a DOUBLE: halves go to the even neighbour."""
    if value is None or digits is None:
        return None
    if not math.isfinite(value) or abs(value) > 1e15:
        return value
    factor = 10.0 ** max(-15, min(15, int(digits)))
    return float(round(value * factor) / factor)


def leading_int(value: Value) -> int | None:
    """A text as an integer: the digits it begins with, else 0."""
    if value is None:
        return None
    found = re.match(r"\s*[+-]?\d{1,18}", str(value))
    return int(found.group()) if found else 0


def exact(operator: Value, a: Value, b: Value) -> float | None:
    """+ - * of DECIMALs."""
    if a is None or b is None:
        return None
    x, y = _exact(a), _exact(b)
    return float(x + y if operator == "+" else x - y if operator == "-" else x * y)


round_half_up = _rounding(ROUND_HALF_UP)
truncate = _rounding(ROUND_DOWN)


def number_format(value: Value, digits: Value) -> str | None:
    """FORMAT(x, d): thousands separated by commas."""
    if value is None or digits is None:
        return None
    places = max(0, min(15, int(digits)))
    return f"{_exact(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):,.{places}f}"


def fixed(value: Value, digits: Value) -> str | None:
    """A DECIMAL as text: it always shows all its decimals."""
    return None if value is None else f"{_exact(value).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP):f}"


def mod(a: Value, b: Value) -> Value:
    """MOD: takes the sign of the dividend; NULL for a divisor of 0."""
    if a is None or b is None or number(b) == 0:
        return None
    result = _exact(a) % _exact(b)  # Decimal's % cuts towards zero, too, and 5.5 % 0.1 stays exact
    return int(result) if isinstance(a, int) and isinstance(b, int) else float(result)


def int_div(a: Value, b: Value) -> int | None:
    """DIV: the quotient cut towards zero."""
    return None if a is None or b is None or number(b) == 0 else int(_exact(a) / _exact(b))


def _guarded(fn: Callable[..., float]) -> Callable[..., float | None]:
    def guarded(*values: Value) -> float | None:
        if any(v is None for v in values):
            return None
        try:
            return fn(*(float(v) for v in values))
        except (ValueError, ZeroDivisionError, OverflowError):
            return None

    return guarded


power = _guarded(math.pow)
sqrt = _guarded(math.sqrt)
exponential = _guarded(math.exp)
logarithm = _guarded(math.log)
log_base = _guarded(lambda base, value: math.log(value, base))

year = _part(lambda m: m.year)
month = _part(lambda m: m.month)
day = _part(lambda m: m.day)
hour = _part(lambda m: m.hour)
minute = _part(lambda m: m.minute)
second = _part(lambda m: m.second)
quarter = _part(lambda m: (m.month + 2) // 3)
day_of_week = _part(lambda m: m.isoweekday() % 7 + 1)
day_of_year = _part(lambda m: m.timetuple().tm_yday)
weekday = _part(lambda m: m.weekday())
week_iso = _part(lambda m: m.isocalendar()[1])
year_month = _part(lambda m: m.year * 100 + m.month)
day_name = _part(lambda m: calendar.day_name[m.weekday()])
time_of_day = _part(lambda m: f"{m:%H:%M:%S}")
last_day = _part(lambda m: f"{m:%Y-%m}-{calendar.monthrange(m.year, m.month)[1]:02}")
# A date where a number is asked for: 20240615 or 20240615120000 (in sums of dates, a common mistake of models).
date_number = _part(lambda m: int(f"{m:%Y%m%d}"))
datetime_number = _part(lambda m: int(f"{m:%Y%m%d%H%M%S}"))
