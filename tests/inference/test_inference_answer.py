from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.sample import __file__ as sample
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
# More of them, nastier, each with a name.
LINES = (Path(__file__).parent / "answers.jsonl").read_text("utf-8").splitlines()
NASTY = [pytest.param(case["raw"], case["answer"], id=case["name"]) for case in map(json.loads, LINES)]


@pytest.mark.parametrize(("raw", "answer"), CASES + NASTY)
def test_the_answer_is_the_first_statement(raw: str, answer: str) -> None:
    assert answer_of(raw) == answer


@pytest.mark.parametrize(("raw", "answer"), CASES + NASTY)
def test_generation_stops_no_sooner_than_the_answer_is_there(raw: str, answer: str) -> None:
    assert_stops_keep(raw, answer)


def assert_stops_keep(raw: str, answer: str) -> None:
    """Wherever a model that writes `raw` letter by letter may stop, its answer is `answer`."""
    stops = [i for i in range(len(raw) + 1) if is_complete(raw[:i])]
    assert [i for i in stops if answer_of(raw[:i]) != answer] == []
    assert stops == list(range(len(raw) + 1 - len(stops), len(raw) + 1))  # from one letter on, at all others


@pytest.mark.parametrize(
    "raw",
    [
        "SELECT name FROM players;",
        "select name from players;",
        "```sql\nSELECT name FROM players\n```",
        "Sure:\n\n```sql\nSELECT name FROM players;",
        "The query is SELECT name FROM players;",
        "Use `SELECT name FROM players`",
        '{"sql": "SELECT name FROM players"',
        "SELECT name FROM players ###",
        "SELECT name FROM players<|",
        "SELECT name FROM players\nThis query ",
        "다음과 같습니다: SELECT 이름 FROM 선수；",
        "### Question:",
    ],
)
def test_generation_stops_where_the_answer_ends(raw: str) -> None:
    assert is_complete(raw)
    assert not is_complete(raw[:-1])


def test_the_cases_are_many_and_named_once() -> None:
    assert len({json.loads(line)["name"] for line in LINES}) == len({json.loads(line)["raw"] for line in LINES})
    assert len(LINES) == len(set(LINES)) >= 80


# --- Every gold query of the sample, wrapped in what models write around a query

GOLDS = [json.loads(line)["answer"] for line in Path(sample).with_name("sample.jsonl").read_text("utf-8").splitlines()]
BEFORE = [
    "",
    "\n",
    "\ufeff",
    "Here is the query you asked for:\n",
    "It's easy, isn't it? Select the right rows first:\n\n",
    "다음 SQL을 사용하세요:\n\n",
    "SQL: ",
    "답: ",
    "**Answer:** ",
    "### Query\n",
    "1. ",
    "<think>SELECT 1; or not?</think>\n",
    "<|im_start|>assistant\n",
    "[/INST] ",
    "USE shop;\n",
    "```\nplayers(id, name)\n```\n\n",
]
AROUND = [("", ""), ("```sql\n", "\n```"), ("```", "```"), ("`", "`"), ("**", "**"), ("<sql>", "</sql>"), ("“", "”")]
AFTER = [
    "",
    "\n",
    "\n\nThis query lists what's asked; nothing else.",
    "\nThe query is done.",
    "\n\n이 쿼리는 요청한 행을 조회합니다.",
    "\n설명: 행을 조회합니다.",
    "\n\n### Question:\nHow many;",
    "\n```\nand then",
    "<|im_end|>\n<|im_start|>user\n",
    "</s>",
    "\nSELECT 2;",
    "\n\nSELECT 2\n\nSELECT 2",
]


@given(st.sampled_from(GOLDS), st.booleans(), *(st.sampled_from(texts) for texts in (BEFORE, AROUND, AFTER)))
@settings(max_examples=200, deadline=None)
def test_a_query_comes_back_out_of_its_wrapping(
    gold: str, ended: bool, before: str, around: tuple[str, str], after: str
) -> None:
    query = gold if ended else gold.rstrip(";")
    raw = before + around[0] + query + around[1] + after
    assert answer_of(raw) == query
    assert all(answer_of(raw[:i]) == query for i in range(len(raw)) if is_complete(raw[:i]))


@given(st.sampled_from(GOLDS), st.booleans(), st.sampled_from(["sql", "query", "SQL_query"]))
@settings(max_examples=50, deadline=None)
def test_a_query_comes_back_out_of_json(gold: str, ascii_only: bool, key: str) -> None:
    raw = json.dumps({"question": "Select one; or two?", key: gold, "tables": ["t"]}, ensure_ascii=ascii_only)
    assert answer_of(raw) == gold
    assert_stops_keep(raw, gold)


@pytest.mark.parametrize("gold", GOLDS[::50])
def test_a_plain_query_stays_byte_for_byte(gold: str) -> None:
    assert answer_of(gold) == gold
    assert [i for i in range(len(gold) + 1) if is_complete(gold[:i])] == [len(gold)]


# --- Anything at all

PIECES = [
    *(
        "SELECT ",
        "select ",
        "Select ",
        "FROM t",
        "from t ",
        "WITH t AS (",
        "UNION ",
        "ALL ",
        "name ",
        "LIMIT 5",
        "= ",
        ", ",
    ),
    *(
        "USE a;",
        "SET x = 1;",
        "BEGIN;",
        "CREATE TABLE a (b int);",
        "INSERT INTO a;b ",
        "UPDATE a SET b",
        "DELETE FROM a",
    ),
    *("TRUNCATE a;", "(", ")", "[", "]", "*", ";", "；", "'", "''", '"', '"""', "`", "``", "\\", "\\'", "ESCAPE '\\'"),
    *(
        "$$",
        "$a$",
        "--",
        "-- a\n",
        "/*",
        "*/",
        "#",
        "# ",
        "::",
        ": ",
        ". ",
        "。 ",
        "\n",
        "\n\n",
        "\r\n",
        "\ufeff",
        "\u200b",
    ),
    *("the ", "This query is ", "이 쿼리는 ", "it's ", "```", "```sql\n", "### ", "### Question:", "**", "- ", "1. "),
    *("<|", "</s>", "<think>", "</think>", "[INST]", "[/INST]", '{"sql": "', '"}', "{'sql': '", "\\ud83d", "\\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_a_stop_keeps_the_answer(raw: str) -> None:
    answer = answer_of(raw)
    answer.encode()  # can be written to a file
    assert answer == answer.strip()
    assert_stops_keep(raw, answer)


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_is_read(piece: str) -> None:
    """100,000 characters; a pattern that tries all ways through them would never end."""
    for before in ("", "SELECT "):
        raw = before + piece * (50_000 // len(piece))
        assert len(answer_of(raw)) <= len(raw)
