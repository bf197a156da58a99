"""Data checks, kinds of query and exact match: reasons, and no exception for any text."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig
from tasks.sql.exact import canonical_match, exact_match
from tasks.sql.execution import compare
from tasks.sql.kinds import kind_of

DDL = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20)); CREATE TABLE u (id INT, t_id INT REFERENCES t(id));"


def test_reasons() -> None:
    cases = [
        (DDL, "SELECT a FROM t WHERE b = 'x';", ""),
        (DDL + "INSERT INTO t VALUES (1, 2, 'x');", "SELECT COUNT(*) FROM u", ""),
        (DDL, "SELECT a FROM t WHERE 1 = 2", "answer returns no rows on any generated database"),
        (DDL, "SELECT c FROM t", "unknown column: c"),
        (DDL, "SELECT a FROM v", "unknown table: v"),
        (DDL, "SELECT FROM WHERE", "answer does not parse"),
        (DDL, "DELETE FROM t", "answer is not one read-only query"),
        (DDL, "SELECT 1; SELECT 2", "answer is not one read-only query"),
        (DDL, "", "answer is empty"),
        (DDL, None, "answer is empty"),
        (DDL, "SELECT JSON_EXTRACT(b, '$.x') FROM t", "answer is not supported"),
        (DDL, "SELECT a FROM t WHERE SUM(a) > 1", "answer does not parse: misuse of aggregate"),
        ("CREATE TABEL t (", "SELECT 1", "context does not parse"),
        ("", "SELECT 1", "context does not parse"),
        ("CREATE VIEW v AS SELECT 1", "SELECT 1", "context is not supported"),
    ]
    rows = pd.DataFrame([c[:2] for c in cases], columns=["context", "answer"], index=range(100, 100 + len(cases)))
    found = check_rows(rows, "mysql", SqlConfig(), True)
    assert found.index.equals(rows.index)
    for (_, answer, expected), reasons in zip(cases, found, strict=True):
        assert (reasons[0].startswith(expected) and len(reasons) == 1) if expected else reasons == [], (answer, reasons)


def test_empty_answers_pass_when_rows_are_not_asked_for() -> None:
    rows = pd.DataFrame({"context": [DDL], "answer": ["SELECT a FROM t WHERE 1 = 2"]})
    assert check_rows(rows, "mysql", SqlConfig(), False).tolist() == [[]]


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "SELECT",
            "FROM",
            "WHERE",
            "(",
            ")",
            ",",
            ";",
            "*",
            "=",
            "<",
            "'x'",
            '"',
            "`",
            "t",
            "u",
            "a",
            "b",
            "id",
            "1",
            "NULL",
            "GROUP",
            "BY",
            "HAVING",
            "COUNT(",
            "ORDER",
            "LIMIT",
            "JOIN",
            "ON",
            "IN",
            "AND",
            "OR",
            "NOT",
            "UNION",
            "CASE",
            "WHEN",
            "THEN",
            "END",
            "WITH",
            "AS",
            "INTERVAL",
            "DAY",
            "LIKE",
            "BETWEEN",
            "--",
            "/*",
            "*/",
            "CREATE",
            "TABLE",
            "INT",
        ]
    ),
    max_size=25,
).map(" ".join)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.just(DDL), st.text(), FRAGMENTS), st.one_of(st.text(), FRAGMENTS)),
        min_size=40,
        max_size=60,
    )
)
def test_no_text_raises(texts: list[tuple[str, str]]) -> None:
    rows = pd.DataFrame(texts, columns=["context", "answer"]).astype(object)
    found = check_rows(rows, "mysql", SqlConfig(databases=2), True)
    assert all(isinstance(reasons, list) for reasons in found)
    assert not [r for reasons in found for r in reasons if "worker was stopped" in r]
    for context, answer in texts:
        assert isinstance(kind_of(answer, "mysql"), str)
        assert canonical_match(answer, answer, context, "mysql") in (True, False)
    both = rows.assign(gold="SELECT a FROM t", prediction=rows["answer"], example_id="x", context=DDL)
    assert set(compare(both, "mysql", SqlConfig(databases=2)).outcome) <= {
        "equal",
        "different",
        "invalid",
        "unsupported",
    }


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT a FROM t", "basic SQL"),
        ("SELECT a FROM t WHERE b IN ('x') ORDER BY a LIMIT 3", "basic SQL"),
        ("SELECT b, COUNT(*) FROM t GROUP BY b", "aggregation"),
        ("SELECT MAX(a) FROM t", "aggregation"),
        ("SELECT DISTINCT b FROM t", "basic SQL"),
        ("SELECT COUNT(*) FROM t JOIN u ON t.id = u.t_id", "single join"),
        ("SELECT t.a FROM t, u WHERE t.id = u.t_id", "single join"),
        ("SELECT t.a FROM t JOIN u ON t.id = u.t_id JOIN u v ON v.id = u.id", "multiple joins"),
        ("SELECT a FROM t JOIN u ON t.id = u.t_id WHERE a > (SELECT AVG(a) FROM t)", "subqueries"),
        ("SELECT RANK() OVER (ORDER BY a) FROM t", "window functions"),
        ("SELECT a FROM t UNION SELECT id FROM u", "set operations"),
        ("WITH x AS (SELECT a FROM t UNION SELECT 1) SELECT a FROM x", "CTEs"),
        ("not a query", "basic SQL"),
    ],
)
def test_kind_of(sql: str, kind: str) -> None:
    assert kind_of(sql, "mysql") == kind


@pytest.mark.parametrize(
    ("gold", "prediction", "exact", "canonical"),
    [
        ("SELECT a FROM t;", " SELECT  a\nFROM t ", True, True),
        ("SELECT a FROM t", "select A from T", False, True),
        ("SELECT a FROM t WHERE a > 1 AND b = 'x'", "SELECT t.a FROM t WHERE 'x' = b AND t.a > 1", False, True),
        ("SELECT x.a FROM t AS x", "SELECT a FROM t", False, True),
        ("SELECT COUNT(*) AS n FROM t", "SELECT COUNT(*) FROM t", False, True),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY t.a ASC", False, True),
        ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'y'", False, False),
        ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'X'", False, False),
        ("SELECT a FROM t", "SELECT DISTINCT a FROM t", False, False),
        ("SELECT a FROM t WHERE a > 1 AND (a < 3 OR b = 'x')", "SELECT a FROM t WHERE (a > 1 AND a < 3) OR b = 'x'", False, False),
        ("SELECT t.id FROM t JOIN u ON t.id = u.t_id", "SELECT u.id FROM t JOIN u ON t.id = u.t_id", False, False),
        ("SELECT t.id FROM t LEFT JOIN u ON t.id = u.t_id", "SELECT t.id FROM t JOIN u ON t.id = u.t_id", False, False),
        ("SELECT a AS b FROM t ORDER BY b", "SELECT a FROM t ORDER BY t.b", False, False),
        ("SELECT x.a FROM t x JOIN t y ON x.id = y.a", "SELECT y.a FROM t x JOIN t y ON x.id = y.a", False, False),
        ("SELECT a FROM t ORDER BY a LIMIT 1", "SELECT a FROM t ORDER BY a LIMIT 2", False, False),
        ("nonsense", "nonsense", True, False),
    ],
)  # fmt: skip
def test_matches(gold: str, prediction: str, exact: bool, canonical: bool) -> None:
    assert exact_match(gold, prediction) is exact
    assert canonical_match(gold, prediction, DDL, "mysql") is canonical
