from __future__ import annotations

import pytest

from tasks.inference.answer import answer_of, is_complete

# What a model wrote, and what counts as its answer.
CASES = [
    ("SELECT 1;", "SELECT 1;"),
    ("SELECT 1", "SELECT 1"),
    ("  SELECT 1;  SELECT 2;", "SELECT 1;"),
    ("SELECT 'a;b' FROM t; more", "SELECT 'a;b' FROM t;"),
    ("SELECT 'it''s; here' FROM t;x", "SELECT 'it''s; here' FROM t;"),
    (r"SELECT 'it\'s; here' FROM t;x", r"SELECT 'it\'s; here' FROM t;"),
    ('SELECT "a;b" FROM t;x', 'SELECT "a;b" FROM t;'),
    ("SELECT `a;b` FROM t;x", "SELECT `a;b` FROM t;"),
    ("SELECT 1 -- one; two\nFROM t;x", "SELECT 1 -- one; two\nFROM t;"),
    ("SELECT 1 /* one; two */ FROM t;x", "SELECT 1 /* one; two */ FROM t;"),
    ("SELECT 'never closed; and on", "SELECT 'never closed; and on"),
    ("SELECT 1 /* never closed; and on", "SELECT 1 /* never closed; and on"),
    ("```sql\nSELECT 1;\n```", "SELECT 1;"),
    ("```sql\nSELECT 1\n```\n\nThis query", "SELECT 1"),
    ("```\nSELECT 1;\n```", "SELECT 1;"),
    (" ```sql\nSELECT a\nFROM t", "SELECT a\nFROM t"),
    ("SELECT 1\n\n### Question:\nHow many;", "SELECT 1"),
    ("SELECT '### not a section' FROM t;", "SELECT '### not a section' FROM t;"),
    ("SELECT '서울; 부산' FROM 도시;다음", "SELECT '서울; 부산' FROM 도시;"),
    ("", ""),
    ("   \n", ""),
    ("### Question:", ""),
]


@pytest.mark.parametrize(("raw", "answer"), CASES)
def test_the_answer_is_the_first_statement(raw: str, answer: str) -> None:
    assert answer_of(raw) == answer


@pytest.mark.parametrize(("raw", "answer"), CASES)
def test_generation_stops_no_sooner_than_the_answer_is_there(raw: str, answer: str) -> None:
    stops = [i for i in range(len(raw) + 1) if is_complete(raw[:i])]
    if stops:
        assert answer_of(raw[: stops[0]]) == answer
