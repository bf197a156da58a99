"""Configuration errors: one line that names the key, what was found and what was expected."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from tasks.common.errors import InputError
from tasks.common.section import Section


class Limits(Section):
    max_rows: int = Field(10, gt=0)
    share: float = 0.5


class Sheet(Section):
    kind: Literal["sheet"]
    path: str = ""


class Web(Section):
    kind: Literal["web"]
    url: str = ""


class Night(Section):
    source: str = "bundled"
    limits: Limits = Limits()
    several: tuple[Annotated[Sheet | Web, Field(discriminator="kind")], ...] = ()

    @field_validator("source")
    @classmethod
    def no_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("expected a name")
        return value


def refused(values: dict[str, object]) -> str:
    with pytest.raises(InputError) as told:
        Night.read(values, "night.yaml")
    assert "\n" not in str(told.value)
    return str(told.value)


def test_good_values_are_read_and_frozen() -> None:
    night = Night.read({"limits": {"max_rows": 3}}, "night.yaml")
    assert (night.source, night.limits.max_rows, night.limits.share) == ("bundled", 3, 0.5)
    with pytest.raises(ValueError, match="frozen"):
        night.source = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"limits": {"max_row": 3}},
            "night.yaml: unknown key 'limits.max_row'; did you mean 'max_rows'? known keys: max_rows, share",
        ),
        ({"zzz": 1}, "night.yaml: unknown key 'zzz'; known keys: source, limits, several"),
        ({"limits": {"max_rows": 0}}, "night.yaml: limits.max_rows: Input should be greater than 0 (found 0)"),
        ({"source": " "}, "night.yaml: source: expected a name (found ' ')"),
        (
            {"several": [{"kind": "web"}, {"kind": "sheet", "pth": "x"}]},
            "night.yaml: unknown key 'several.1.sheet.pth'; did you mean 'path'? known keys: kind, path",
        ),
        (
            {"several": [{"kind": "shet"}]},
            "night.yaml: several.0: Input tag 'shet' found using 'kind' does not match any of the expected tags: "
            "'sheet', 'web' (found {'kind': 'shet'})",
        ),
        ({"limits": 3}, "night.yaml: limits: Input should be a valid dictionary or instance of Limits (found 3)"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(values: dict[str, object], message: str) -> None:
    assert refused(values) == message


def test_all_problems_are_told_at_once() -> None:
    message = refused({"sauce": "x", "limits": {"max_rows": "many"}})
    assert "did you mean 'source'?" in message
    assert "limits.max_rows: Input should be a valid integer" in message


def test_a_long_value_is_cut() -> None:
    assert len(refused({"limits": {"max_rows": "x" * 10_000}})) < 250
