"""The base class of every configuration section, and the one-line form of its errors."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.common.errors import InputError


class Section(BaseModel):
    """A part of the night's configuration: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], where: str) -> Self:
        """Validate `values`, which came from `where` (a file name, say).

        Raises:
            InputError: naming every bad key, what was found and what was expected.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(_problem(cls, dict(e)) for e in error.errors(include_url=False))
            raise InputError(f"{where}: {problems}") from None


def _problem(section: type[BaseModel], error: dict[str, Any]) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        message = str(error["msg"]).removeprefix("Value error, ")
        return f"{path or 'the file'}: {message} (found {error['input']!r:.80})"
    known = _known_keys(section, error["loc"][:-1])
    close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown key '{path}'; {hint}known keys: {', '.join(known)}"


def _known_keys(section: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        field = section.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        section = inner
    return list(section.model_fields)
