"""How answers are read, and that what is asked is the same every time."""

from __future__ import annotations

import pytest

from tasks.synthesis.asker import request_key
from tasks.synthesis.config import Domain, SynthesisConfig
from tasks.synthesis.prompt import (
    fitness_request,
    questions_request,
    read_fitness,
    read_rows,
    read_schema,
    schema_request,
)

LIBRARY = Domain(name="library", description="Books.")
ROW = '{"kind": "basic SQL", "question": " 몇 권?\\n", "sql": "SELECT 1 "}'


@pytest.mark.parametrize(
    ("text", "ddl"),
    [
        ('{"ddl": " CREATE TABLE a (b INT); "}', "CREATE TABLE a (b INT);"),
        ('Sure! ```json\n{"ddl": ["CREATE TABLE a (b INT);", "CREATE TABLE c (d INT);"]}\n```', None),
        ('{"ddl": "CREATE TABLE a (', None),
        ('{"ddl": 7}', None),
        ('{"ddl": "  "}', None),
        ("I cannot help with that.", None),
        ("", None),
    ],
)
def test_the_schema_in_an_answer(text: str, ddl: str | None) -> None:
    if "```" in text:
        ddl = "CREATE TABLE a (b INT);\nCREATE TABLE c (d INT);"
    assert read_schema(text) == ddl


@pytest.mark.parametrize(
    ("text", "n"),
    [
        (f'{{"rows": [{ROW}, {ROW}]}}', 2),
        (f'{{"rows": [{ROW}, {{"question": "cut o', 1),
        (f"{ROW}\n{ROW}", 2),
        (f'{{"rows": [{ROW}, 3, null, {{"question": 1, "sql": "x"}}, {{"question": "x", "sql": " "}}]}}', 1),
        ('{"rows": "none"}', 0),
        ("no", 0),
    ],
)
def test_the_rows_in_an_answer(text: str, n: int) -> None:
    assert read_rows(text) == [("몇 권?", "SELECT 1")] * n


def test_half_characters_are_left_out() -> None:
    assert read_rows('{"rows": [{"question": "a\\ud800b", "sql": "SELECT \'\\udfff\'"}]}') == [("ab", "SELECT ''")]


@pytest.mark.parametrize(
    ("text", "fits", "reason"),
    [
        ('{"reason": "all there", "fits": "yes"}', "yes", "all there"),
        ('```{"reason": "no such table", "fits": "No."}```', "no", "no such table"),
        ('{"fits": "yes"} or {"fits": "no"}', None, ""),
        ('{"reason": "x", "fits": "perhaps"}', None, "x"),
        ("That depends.", None, "That depends."),
    ],
)
def test_the_verdict_in_an_answer(text: str, fits: str | None, reason: str) -> None:
    assert read_fitness(text) == (fits, reason)


def test_a_request_is_known_by_all_that_decides_its_answer() -> None:
    config, row = SynthesisConfig(), {"dialect": "mysql", "context": "c", "question": "q", "answer": "a"}

    def keys(identity: str = "gpt at x", config: SynthesisConfig = config) -> list[str]:
        requests = [
            *(schema_request(LIBRARY, number, config) for number in range(3)),
            schema_request(LIBRARY.model_copy(update={"description": "Loans."}), 0, config),
            *(questions_request("ddl", language, had, config) for language in ("en", "ko") for had in ([], ["q"])),
            *(fitness_request(row, again=again) for again in (False, True)),
            *(fitness_request({**row, name: "z"}) for name in row),
        ]
        return [request_key(identity, request) for request in requests]

    assert keys() == keys(config=SynthesisConfig(rows=7, requests_per_minute=3, store="elsewhere"))
    assert len(set(keys())) == len(keys())
    assert not set(keys()) & set(keys("gpt at y"))
    warmer = keys(config=SynthesisConfig(temperature=1.0))
    assert not set(keys()[:8]) & set(warmer)
    assert keys()[8:] == warmer[8:]
