"""LIKE and other text functions: right by a slow and simple rule, and quick on texts made to be slow."""

from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sql.functions import MAX_TEXT, like
from tasks.sql.text_functions import AGGREGATES, SCALARS


def plainly(pattern: str, text: str) -> bool:
    @cache
    def fits(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "%":
            return any(fits(i + 1, k) for k in range(j, len(text) + 1))
        return j < len(text) and pattern[i] in ("_", text[j]) and fits(i + 1, j + 1)

    return fits(0, 0)


@given(st.text("ab_%", max_size=12), st.text("ab", max_size=14))
def test_like_is_the_plain_rule(pattern: str, text: str) -> None:
    assert bool(like(pattern, text)) == plainly(pattern, text)


def test_like_escapes_and_line_breaks() -> None:
    assert like("10\\%%", "10% of it")
    assert not like("10\\%%", "100 of it")
    assert like("a_c%", "a\nc\nd")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("like", ("%a" * 400 + "%b", "a" * 50_000)),
        ("like", ("%" + "_" * 300 + "b%", "a" * 50_000)),
        ("my_trim", ("a" * 90_000, "a", "BOTH")),
        ("my_trim", ("ab" * 45_000, "ab", "TRAILING")),
        ("my_replace", ("a" * 90_000, "a", "b")),
    ],
)
def test_long_texts_are_no_trouble(name: str, values: tuple[str, ...]) -> None:
    began = time.process_time()
    SCALARS[name][1](*values)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("my_replace", ("a" * 90_000, "a", "b" * 90_000)),
        ("my_repeat", ("a" * 90_000, 90_000)),
        ("my_concat", ("a" * 90_000, "a" * 90_000)),
        ("like", ("%_" * 40_000, "a")),
    ],
)
def test_too_long_texts_are_refused_before_they_are_made(name: str, values: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="too long"):
        SCALARS[name][1](*values)


def test_group_concat_keeps_no_more_than_it_may_answer() -> None:
    many = AGGREGATES["my_group_concat"][1]()
    for _ in range(50):
        many.step(",", 0, "", "x" * MAX_TEXT)
    assert len(many.rows) <= 10
    with pytest.raises(ValueError, match="too long"):
        many.finalize()
