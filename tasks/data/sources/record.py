"""One row as a source hands it on, before anything is known to be right about it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Record(NamedTuple):
    """A row: `place` names it within its source (a line, or split and number), the rest is what the source says.

    A missing value is None. A `language` not given is found from the question's letters, a `domain` not given is
    the db_id.
    """

    place: str
    db_id: Any
    context: Any
    question: Any
    answer: Any
    dialect: Any
    language: Any = None
    domain: Any = None


def as_text(value: Any) -> str | None:
    """A value as text, None if it is missing; whole numbers become digits.

    Raises:
        ValueError: saying what was found instead of text.
    """
    match value:
        case None:
            return None
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError("half a surrogate pair, which is no character") from None
            return value
        case bool():
            raise ValueError("bool")
        case int():
            return str(value)
        case float() if value != value:  # pandas writes a missing value as NaN
            return None
        case float() if value.is_integer():  # and an integer column that misses one as floats
            return str(int(value))
    raise ValueError(type(value).__name__)
