"""PostgreSQL's dates and timestamps as text: '2024-06-15', '2024-06-15 12:00:00', '2024-06-15 12:00:00.5'."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from typing import Any

Value = Any
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?")


def looks_iso(written: str) -> bool:
    """Whether a literal is written the one way that is read here."""
    return _ISO.fullmatch(written) is not None


def read(value: Value) -> datetime | None:
    """A date or timestamp text as a datetime; None for NULL.

    Raises:
        ValueError: there is no such day or time.
    """
    if value is None:
        return None
    found = _ISO.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("not a date")
    year, month, day, hour, minute, second, part = found.groups()
    micro = int((part or "0").ljust(6, "0"))
    return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro)  # noqa: DTZ001


def write(m: datetime) -> str:
    """A timestamp as PostgreSQL writes it."""
    whole = m.replace(microsecond=0).isoformat(" ")
    return f"{whole}.{m.microsecond:06}".rstrip("0") if m.microsecond else whole


def to_date(value: Value) -> str | None:
    """The day of a date or timestamp text, None if there is no such day."""
    try:
        m = read(value)
    except ValueError:
        return None
    return None if m is None else m.date().isoformat()


def to_timestamp(value: Value) -> str | None:
    """A date or timestamp text as a timestamp, None if there is no such moment."""
    try:
        m = read(value)
    except ValueError:
        return None
    return None if m is None else write(m)


def strict(convert: Any) -> Any:
    """A cast at run time: NULL stays, what cannot be read is an error."""

    def cast(value: Value) -> Value:
        if value is None:
            return None
        found = convert(value)
        if found is None:
            raise ValueError("invalid input")
        return found

    return cast


def part(field: str, value: Value) -> int | float | None:
    """EXTRACT(field FROM value)."""
    m = read(value)
    if m is None:
        return None
    iso = m.isocalendar()
    parts: dict[str, int | float] = {
        **{"year": m.year, "month": m.month, "day": m.day, "hour": m.hour, "minute": m.minute},
        **{"quarter": (m.month + 2) // 3, "week": iso[1], "isoyear": iso[0], "dow": m.isoweekday() % 7},
        **{"isodow": m.isoweekday(), "doy": m.timetuple().tm_yday, "decade": m.year // 10},
        **{"century": (m.year + 99) // 100, "epoch": (m - datetime(1970, 1, 1)).total_seconds()},  # noqa: DTZ001
        "second": m.second + m.microsecond / 1e6,
    }
    return parts[field]


def trunc(field: str, value: Value) -> str | None:
    """DATE_TRUNC(field, value)."""
    m = read(value)
    if m is None:
        return None
    day = m.replace(hour=0, minute=0, second=0, microsecond=0)
    match field:
        case "year":
            day = day.replace(month=1, day=1)
        case "quarter":
            day = day.replace(month=(m.month - 1) // 3 * 3 + 1, day=1)
        case "month":
            day = day.replace(day=1)
        case "week":
            day -= timedelta(days=m.weekday())
        case "hour" | "minute" | "second":
            day = m.replace(microsecond=0)
            day = day if field == "second" else day.replace(second=0)
            day = day.replace(minute=0) if field == "hour" else day
    return write(day)


def add_days(value: Value, days: Value) -> str | None:
    """Date plus integer."""
    if value is None or days is None:
        return None
    return (date.fromisoformat(value) + timedelta(days=days)).isoformat()


def days_between(left: Value, right: Value) -> int | None:
    """Date minus date."""
    if left is None or right is None:
        return None
    return (date.fromisoformat(left) - date.fromisoformat(right)).days


def add_months(m: datetime, months: int) -> datetime:
    """The same day so many months later, or the month's last."""
    year, month = divmod(m.year * 12 + m.month - 1 + months, 12)
    return m.replace(year=year, month=month + 1, day=min(m.day, calendar.monthrange(year, month + 1)[1]))


_MARKS = {
    "YYYY": lambda m: f"{m.year:04}",
    "YY": lambda m: f"{m.year % 100:02}",
    "MM": lambda m: f"{m.month:02}",
    "DD": lambda m: f"{m.day:02}",
    "DDD": lambda m: f"{m.timetuple().tm_yday:03}",
    "HH24": lambda m: f"{m.hour:02}",
    "HH12": lambda m: f"{(m.hour - 1) % 12 + 1:02}",
    "HH": lambda m: f"{(m.hour - 1) % 12 + 1:02}",
    "MI": lambda m: f"{m.minute:02}",
    "SS": lambda m: f"{m.second:02}",
    "AM": lambda m: "AM" if m.hour < 12 else "PM",
    "PM": lambda m: "AM" if m.hour < 12 else "PM",
    "Month": lambda m: calendar.month_name[m.month].ljust(9),
    "Mon": lambda m: calendar.month_abbr[m.month],
    "MONTH": lambda m: calendar.month_name[m.month].upper().ljust(9),
    "month": lambda m: calendar.month_name[m.month].lower().ljust(9),
    "MON": lambda m: calendar.month_abbr[m.month].upper(),
    "FMMonth": lambda m: calendar.month_name[m.month],
    "FMMM": lambda m: str(m.month),
    "FMDD": lambda m: str(m.day),
    "FMDay": lambda m: calendar.day_name[m.weekday()],
    "Day": lambda m: calendar.day_name[m.weekday()].ljust(9),
    "DAY": lambda m: calendar.day_name[m.weekday()].upper().ljust(9),
    "Dy": lambda m: calendar.day_abbr[m.weekday()],
    "DY": lambda m: calendar.day_abbr[m.weekday()].upper(),
    "Q": lambda m: str((m.month + 2) // 3),
    "D": lambda m: str(m.isoweekday() % 7 + 1),
    "ID": lambda m: str(m.isoweekday()),
    "IW": lambda m: f"{m.isocalendar()[1]:02}",
    "IYYY": lambda m: f"{m.isocalendar()[0]:04}",
}
_MARK = re.compile("|".join(sorted(_MARKS, key=len, reverse=True)))


def known_format(pattern: str) -> bool:
    """Whether TO_CHAR reads every letter of a format as a mark that is known here."""
    rest = _MARK.sub("", pattern)
    return re.fullmatch(r"[-/.,: ]*", rest) is not None


def to_char(value: Value, pattern: str) -> str | None:
    """TO_CHAR(timestamp, pattern) for patterns of `known_format`."""
    m = read(value)
    return None if m is None else _MARK.sub(lambda found: _MARKS[found.group()](m), pattern)
