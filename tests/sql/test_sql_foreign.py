"""A dialect's own words only: other dialects' constructs and broken DDL are refused, with a reason that names them."""

from __future__ import annotations

import pytest

from tasks.sql.dialect import resolve
from tasks.sql.parsing import Refused
from tasks.sql.schema import parse_schema

DDL = "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20), d DATE); CREATE TABLE u (a INT, c INT)"
FOREIGN = {
    "mysql": [
        "SELECT a::text FROM t",
        "SELECT DISTINCT ON (b) a FROM t",
        "SELECT a FROM t ORDER BY a NULLS LAST",
        "SELECT a FROM t ORDER BY a DESC NULLS FIRST",
        "SELECT STRING_AGG(b, ',') FROM t",
        "SELECT a FROM t WHERE b ILIKE 'x%'",
        "SELECT COUNT(*) FILTER (WHERE a > 1) FROM t",
        "SELECT CAST(a AS TEXT) FROM t",
        "SELECT DATE_TRUNC('month', d) FROM t",
        "SELECT strftime('%Y', d) FROM t",
        "SELECT IIF(a > 1, 1, 0) FROM t",
        "SELECT a FROM t WHERE a == 1",
        "SELECT t.a FROM t FULL OUTER JOIN u ON t.a = u.a",
        "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT a FROM t LIMIT ALL",
        "SELECT TOP 3 a FROM t",
    ],
    "postgres": [
        "SELECT a FROM t LIMIT 1, 2",
        "SELECT `a` FROM t",
        "SELECT IFNULL(a, 1) FROM t",
        "SELECT IF(a > 1, 1, 0) FROM t",
        "SELECT GROUP_CONCAT(b) FROM t",
        "SELECT DATE_FORMAT(d, '%Y') FROM t",
        "SELECT YEAR(d) FROM t",
        "SELECT DATEDIFF(d, d) FROM t",
        "SELECT d + INTERVAL 1 DAY FROM t",
        "SELECT a <=> 1 FROM t",
        "SELECT a DIV 2 FROM t",
        "SELECT CAST(b AS SIGNED) FROM t",
        "SELECT CURDATE()",
        "SELECT strftime('%Y', d) FROM t",
        "SELECT a FROM t WHERE b RLIKE 'x'",
    ],
    "sqlite": [
        "SELECT a::text FROM t",
        "SELECT DISTINCT ON (b) a FROM t",
        "SELECT YEAR(d) FROM t",
        "SELECT d + INTERVAL 1 DAY FROM t",
        "SELECT a DIV 2 FROM t",
        "SELECT DATE_TRUNC('month', d) FROM t",
        "SELECT b FROM t WHERE b ILIKE 'x'",
        "SELECT STRING_AGG(b, ',') FROM t",
        "SELECT LEFT(b, 2) FROM t",
        "SELECT NOW()",
    ],
}


@pytest.mark.parametrize(("dialect", "sql"), [(d, q) for d, queries in FOREIGN.items() for q in queries])
def test_foreign_constructs_are_invalid(dialect: str, sql: str) -> None:
    with pytest.raises(Refused) as refused:
        resolve(sql, parse_schema(DDL, dialect), dialect)
    assert refused.value.outcome == "invalid"
    assert refused.value.reason.startswith("syntax error")


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "sqlite"])
def test_texts_and_names_that_look_foreign_are_not(dialect: str) -> None:
    schema = parse_schema("CREATE TABLE filter_log (total INT, age INT, b VARCHAR(9))", dialect)
    sql = "SELECT total, f.age FROM filter_log f WHERE b <> ':: ILIKE == NULLS LAST' AND total IN (1) AND (age > 1)"
    assert resolve(sql, schema, dialect) is not None
    with_names = "WITH total (n) AS (SELECT 1) SELECT n FROM total"
    assert resolve(with_names, schema, dialect) is not None


BROKEN = [
    "CREATE TABEL t (a INT)",
    "CREATE TABLE t (a INT, PRIMARY KEY)",
    "CREATE TABLE t (a INT, PRIMARY KEY (nope))",
    "CREATE TABLE t (a INT, FOREIGN KEY (nope) REFERENCES t(a))",
    "CREATE TABLE t (a INT, UNIQUE (nope))",
    "CREATE TABLE t (a INT PRIMRY KEY)",
    "CREATE TABLE t (a INT BANANA APPLE, b INT)",
    "CREATE TABLE t (a INT,, b INT)",
    "CREATE TABLE t (a INT,)",
    "CREATE TABLE t (, a INT)",
    "CREATE TABLE t ()",
    "CREATE TABLE t a INT",
    "CREATE TABLE (a INT)",
    "CREATE TABLE t (a INT(, b INT)",
    "CREATE TABLE t (a INT, CONSTRAINT)",
    "CREATE TABLE t (a INT); UPDATE t SET a = 1",
    "CREATE TABLE t (a INT); hello world",
    "CREATE TABLE t (a INT); CREATE TABLE T (a INT)",
    "CREATE TABLE t (a INT, A INT)",
]


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "sqlite"])
@pytest.mark.parametrize("context", BROKEN)
def test_broken_ddl_is_refused(context: str, dialect: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_schema(context, dialect)
    assert refused.value.outcome == "invalid"


@pytest.mark.parametrize("context", ["CREATE TABLE t (a)", "CREATE TABLE t (a FOO)"])
@pytest.mark.parametrize("dialect", ["mysql", "postgres"])
def test_columns_need_a_known_type_but_in_sqlite(context: str, dialect: str) -> None:
    with pytest.raises(Refused):
        parse_schema(context, dialect)
    assert list(parse_schema(context, "sqlite").tables["t"].columns) == ["a"]
