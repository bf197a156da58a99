"""The base class of every configuration section, and the one-line form of its errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.common.errors import InputError

PASSWORD = re.compile(r"://[^/\s]*@")  # of a URL, with the name before it


class Section(BaseModel):
    """A part of the night's configuration: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file of this section's keys.

        Raises:
            InputError: no such file, not YAML, or a wrong key or value in it.
        """
        try:
            values: Any = yaml.safe_load(path.read_text("utf-8")) or {}
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: expected keys and values, found {type(values).__name__}")
        return cls.read(values, str(path))

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
        found = PASSWORD.sub("://…@", repr(error["input"]))[:80]
        return f"{path or 'the file'}: {message} (found {found})"
    known = _known_keys(section, error["loc"][:-1])
    close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown key '{path}'; {hint}known keys: {', '.join(known)}"


def _known_keys(section: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    sections = [section]
    for part in path:
        fields = [one.model_fields[part] for one in sections if part in one.model_fields]
        if fields:
            sections = [found for field in fields for found in _sections_in(field.annotation)]
        elif isinstance(part, str):  # the kind of a section in a list of several kinds
            sections = [one for one in sections if part in get_args(one.model_fields["kind"].annotation)]
    return list(sections[0].model_fields) if sections else []


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    """The sections that an annotation (a section, a union or a sequence of some) speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _sections_in(inner)]
