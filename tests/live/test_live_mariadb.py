"""The same queries on the same rows: our SQLite engine against a real MariaDB.

Server: T2S_MARIADB_URL, default mysql://root@127.0.0.1:3306. Without one the tests are skipped, unless
T2S_REQUIRE_LIVE=1. Every database made here is dropped again.
"""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from tasks.sql import functions
from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import translate
from tasks.sql.equivalence import prepare_gold
from tasks.sql.functions import fold
from tasks.sql.parsing import Refused
from tasks.sql.sandbox import open_database, run_query
from tasks.sql.schema import parse_schema

pymysql = pytest.importorskip("pymysql")
pytestmark = pytest.mark.live
NAME = f"t2s_live_{os.getpid()}"

DDL = """
CREATE TABLE shops (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(30), opened DATE,
  size ENUM('small','medium','large'), active TINYINT(1));
CREATE TABLE items (id INT PRIMARY KEY, shop_id INT, title VARCHAR(60), price DECIMAL(10,2), weight DOUBLE,
  stock INT, code VARCHAR(20), made DATETIME, FOREIGN KEY (shop_id) REFERENCES shops(id));
"""
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "shops": [
        (1, "Alpha", "Seoul", "2023-01-31", "small", 1),
        (2, "alpha", "Busan", "2024-02-29", "large", 0),
        (3, "Café", "seoul", None, "medium", 1),
        (4, "가게", "Busan", "2022-12-31", None, None),
        (5, "Zed 50%", None, "2024-06-15", "small", 1),
    ],
    "items": [
        (1, 1, "Red Pen", 1.25, 0.5, 10, "12", "2024-06-15 12:00:00"),
        (2, 1, "red ink", 2.5, 1.75, 0, "7a", "2024-06-14 23:59:59"),
        (3, 2, "Blue_Pen", 10.0, 2.25, 5, "abc", "2023-03-01 00:00:00"),
        (4, 2, "pen", 2.5, None, -3, "", "2020-02-29 08:30:15"),
        (5, 3, " Green  ", 99.99, 100.125, 7, "12", None),
        (6, None, None, None, 3.0, 2, None, "2019-12-31 18:05:09"),
        (7, 2, "10% off", 0.05, 0.25, 100, "-3.5x", "2024-01-01 00:00:01"),
    ],
}
QUERIES = [
    *(f"SELECT id, {e} FROM items" for e in (
        "YEAR(made)", "MONTH(made)", "DAY(made)", "DAYOFMONTH(made)", "HOUR(made)", "MINUTE(made)", "SECOND(made)",
        "QUARTER(made)", "DAYOFWEEK(made)", "WEEKDAY(made)", "DAYOFYEAR(made)", "WEEKOFYEAR(made)", "DAYNAME(made)",
        "MONTHNAME(made)", "DATE(made)", "TIME(made)", "LAST_DAY(made)", "EXTRACT(YEAR FROM made)",
        "EXTRACT(YEAR_MONTH FROM made)", "DATE_FORMAT(made, '%Y-%m')", "DATE_FORMAT(made, '%Y/%c/%e %H:%i:%s')",
        "DATE_FORMAT(made, '%M %d, %y %h:%i %p')", "DATE_FORMAT(made, '%W %a %b %j %k %l %T %w')",
        "DATEDIFF(made, '2024-01-01')", "DATEDIFF('2024-06-15', made)", "TIMESTAMPDIFF(YEAR, made, '2024-06-15')",
        "TIMESTAMPDIFF(MONTH, made, NOW())", "TIMESTAMPDIFF(DAY, made, NOW())", "TIMESTAMPDIFF(HOUR, made, NOW())",
        "TIMESTAMPDIFF(MINUTE, NOW(), made)", "DATE_ADD(made, INTERVAL 1 MONTH)", "DATE_ADD(made, INTERVAL 36 HOUR)",
        "DATE_SUB(made, INTERVAL 1 YEAR)", "made + INTERVAL 2 WEEK", "made - INTERVAL 90 SECOND",
        "ADDDATE(made, 5)", "SUBDATE(made, INTERVAL 1 QUARTER)", "TIMESTAMPADD(DAY, stock, made)",
        "CONCAT(title, '-', code)", "CONCAT(id, ':', stock)", "CONCAT(price, ' won')", "CONCAT_WS(',', title, code)",
        "IF(stock > 3, 'many', 'few')", "IFNULL(title, 'none')", "COALESCE(price, 0)", "NULLIF(code, '12')",
        "LEFT(title, 3)", "RIGHT(title, 3)", "LENGTH(title)", "CHAR_LENGTH(title)", "UPPER(title)", "LCASE(title)",
        "SUBSTRING(title, 2, 3)", "SUBSTR(title, -3)", "MID(title, 1, 2)", "SUBSTRING_INDEX(title, ' ', 1)",
        "SUBSTRING_INDEX(title, ' ', -1)", "TRIM(title)", "LTRIM(title)", "RTRIM(title)", "TRIM(LEADING 'R' FROM title)",
        "REPLACE(title, 'Pen', 'Cup')", "LOCATE('pen', title)", "INSTR(title, 'PEN')", "LPAD(code, 5, '0')",
        "RPAD(code, 4, 'xy')", "REVERSE(title)", "REPEAT(code, 2)", "ASCII(title)", "FIELD(code, 'abc', '12')",
        "FIND_IN_SET(code, '7a,12')", "ROUND(price, 1)", "ROUND(price)", "ROUND(stock / 3, 2)", "ROUND(price, -1)",
        "TRUNCATE(price, 1)", "TRUNCATE(-price, 0)", "FLOOR(price)", "CEIL(-price)", "CEILING(weight)", "ABS(stock)",
        "SIGN(stock)", "MOD(stock, 3)", "stock % 3", "price % 3", "stock DIV 3", "stock / 4", "stock / 0", "7 / 2",
        "POW(stock, 2)", "SQRT(weight)", "SQRT(stock)", "EXP(weight / 100)", "LN(weight)", "LOG10(stock)", "LOG(2, 8)",
        "GREATEST(stock, 5)", "LEAST(stock, price)", "FORMAT(price * 1000, 2)", "FORMAT(stock * 1000, 0)",
        "CAST(code AS SIGNED)", "CAST(price AS SIGNED)", "CAST(price AS CHAR)", "CAST(stock AS CHAR)",
        "CAST(made AS DATE)", "CAST('2024-05-05' AS DATETIME)", "CAST(code AS DECIMAL(10,1))", "CONVERT(stock, CHAR)",
        "code + 1", "code * 2", "-price", "NOT stock", "!stock", "stock XOR 1", "stock > 3 AND price < 5", "TRUE", "id = 3",
        "CASE WHEN stock > 5 THEN 'a' WHEN stock > 0 THEN 'b' ELSE 'c' END", "CASE code WHEN 'ABC' THEN 1 ELSE 0 END",
        "CASE WHEN stock > 5 THEN stock ELSE 'low' END", "title LIKE '%pen'", "title LIKE 'blue\\_%'", "title LIKE '10\\%%'",
        "title LIKE '_ed%'", "code = 12", "code = '12'", "code > 5", "made > '2024-01-01'", "made = '2024-06-15 12:00'",
        "made BETWEEN '2020-01-01' AND '2024-06-14'", "made + 0", "stock <=> NULL", "title IS NULL", "ISNULL(code)",
        "price IN (2.5, '10')", "code IN ('ABC', 'x')", "DATE(made) = '2024-6-14'", "stock BETWEEN '0' AND 7",
    )),
    *(f"SELECT id, {e} FROM shops" for e in (
        "opened > '2023-06-01'", "opened + INTERVAL 1 DAY", "opened - INTERVAL 1 HOUR", "DATE_ADD(opened, INTERVAL 1 MONTH)",
        "DATE_SUB(opened, INTERVAL 1 YEAR)", "DATEDIFF(CURDATE(), opened)", "CURDATE()", "NOW()", "opened = CURDATE()",
        "opened < NOW()", "opened >= DATE_SUB(CURDATE(), INTERVAL 6 MONTH)", "opened LIKE '2024%'", "YEAR(opened) = '2024'",
        "opened IN ('2024-02-29', '2022-12-31')", "opened BETWEEN '2022-12-31' AND '2023-01-31 10:00:00'",
        "DATE_FORMAT(opened, '%Y-%m-01')", "opened >= DATE_FORMAT(NOW(), '%Y-%m-01')", "name = 'ALPHA'", "name = 'cafe'",
        "name < 'b'", "city <> 'SEOUL'", "UPPER(name) = 'alpha'", "name IN ('ALPHA', 'cafe')", "LENGTH(name)",
        "CHAR_LENGTH(name)", "size = 'SMALL'", "active IS TRUE", "active = FALSE", "opened - 20230101", "CONCAT(opened, '')",
        "MAX(id) OVER (PARTITION BY city)", "ROW_NUMBER() OVER (ORDER BY id DESC)", "RANK() OVER (ORDER BY city)",
        "SUM(id) OVER (ORDER BY id)", "LAG(id) OVER (ORDER BY id)", "LEAD(name, 2) OVER (ORDER BY id)", "NTILE(2) OVER (ORDER BY id)",
        "DENSE_RANK() OVER (ORDER BY city DESC)", "FIRST_VALUE(id) OVER (PARTITION BY city ORDER BY id)",
        "LEFT(UPPER(name), 1) = 'a'", "COALESCE(city, 'none') = 'NONE'", "IF(active, name, 'x') = 'ALPHA'",
    )),
    "SELECT COUNT(*), COUNT(price), COUNT(DISTINCT price), SUM(price), AVG(price), MIN(title), MAX(made) FROM items",
    "SELECT COUNT(DISTINCT city), COUNT(DISTINCT LOWER(name)) FROM shops",
    "SELECT COUNT(DISTINCT shop_id, code) FROM items",
    "SELECT SUM(code), AVG(code) FROM items",
    "SELECT STDDEV(stock), STD(stock), STDDEV_SAMP(stock), VARIANCE(stock), VAR_SAMP(stock), VAR_POP(price) FROM items",
    "SELECT SUM(stock > 3), AVG(price > 2) FROM items",
    "SELECT LOWER(city) c, COUNT(*) FROM shops GROUP BY city",
    "SELECT COUNT(*) FROM shops GROUP BY UPPER(city) ORDER BY COUNT(*) DESC",
    "SELECT COUNT(DISTINCT UPPER(name)) FROM shops",
    "SELECT DISTINCT UPPER(city) FROM shops ORDER BY 1",
    "SELECT id FROM shops ORDER BY name, id",
    "SELECT id FROM shops ORDER BY size, id",
    "SELECT id FROM shops ORDER BY size DESC, id LIMIT 3",
    "SELECT id, title FROM items ORDER BY price DESC, id LIMIT 2, 3",
    "SELECT id FROM items ORDER BY code, id",
    "SELECT id FROM items ORDER BY made IS NULL, made",
    "SELECT GROUP_CONCAT(id ORDER BY id DESC SEPARATOR ';') FROM items",
    "SELECT shop_id, GROUP_CONCAT(DISTINCT price ORDER BY price) FROM items GROUP BY shop_id",
    "SELECT GROUP_CONCAT(DISTINCT UPPER(city) ORDER BY city SEPARATOR '/') FROM shops",
    "SELECT s.name, COUNT(i.id) n FROM shops s LEFT JOIN items i ON i.shop_id = s.id GROUP BY s.id HAVING n > 1 ORDER BY n, s.id",
    "SELECT s.id, i.id FROM shops s RIGHT JOIN items i ON i.shop_id = s.id",
    "SELECT s.id, i.id FROM shops s CROSS JOIN items i WHERE s.id = 1",
    "SELECT * FROM shops s JOIN items i ON s.id = i.shop_id AND i.price > 2",
    "SELECT name FROM shops WHERE id IN (SELECT shop_id FROM items WHERE price > 5)",
    "SELECT name FROM shops WHERE id NOT IN (SELECT shop_id FROM items)",
    "SELECT name FROM shops WHERE id NOT IN (SELECT shop_id FROM items WHERE shop_id IS NOT NULL)",
    "SELECT name FROM shops s WHERE NOT EXISTS (SELECT 1 FROM items i WHERE i.shop_id = s.id)",
    "SELECT id FROM items WHERE price > (SELECT AVG(price) FROM items)",
    "SELECT id FROM items WHERE price = (SELECT MAX(price) FROM items)",
    "SELECT id, (SELECT name FROM shops s WHERE s.id = i.shop_id) FROM items i",
    "SELECT id FROM items WHERE shop_id = (SELECT id FROM shops WHERE name = 'CAFE')",
    "SELECT id FROM items WHERE (shop_id, stock) IN (SELECT shop_id, MAX(stock) FROM items GROUP BY shop_id)",
    "SELECT id FROM items WHERE (shop_id, price) IN ((1, 2.5), (2, '10.00'))",
    "SELECT LOWER(city) FROM shops UNION SELECT LOWER(title) FROM items",
    "SELECT LOWER(city) FROM shops UNION ALL SELECT LOWER(name) FROM shops",
    "(SELECT id FROM shops ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM items ORDER BY id DESC LIMIT 1) ORDER BY id",
    "SELECT id FROM shops INTERSECT SELECT shop_id FROM items",
    "SELECT id FROM shops EXCEPT SELECT shop_id FROM items",
    "WITH t AS (SELECT shop_id, SUM(price) total FROM items GROUP BY shop_id) SELECT * FROM t WHERE total > 3",
    "WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n WHERE k < 5) SELECT k FROM n",
    "SELECT x.c, x.n FROM (SELECT UPPER(city) c, COUNT(*) n FROM shops GROUP BY UPPER(city)) x WHERE x.c = 'seoul'",
    "SELECT id FROM shops HAVING id > 3",
    "SELECT name AS id FROM shops ORDER BY id",
    "SELECT YEAR(made) y, COUNT(*) FROM items GROUP BY y ORDER BY y DESC",
    "SELECT shop_id, MAX(price) - MIN(price) AS spread FROM items GROUP BY shop_id HAVING spread > 1",
    "SELECT s.city, SUM(i.price * i.stock) FROM shops s JOIN items i ON s.id = i.shop_id GROUP BY s.city",
    "SELECT COUNT(*) FROM items WHERE code",
    "SELECT MAX(id) FROM shops WHERE name LIKE '%é'",
    "SELECT id FROM shops WHERE name = 'alpha '",
    "SELECT id FROM items WHERE title LIKE '%  '",
    "SELECT price, COUNT(*) FROM items GROUP BY 1 ORDER BY 2 DESC, 1",
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    url = urlparse(os.environ.get("T2S_MARIADB_URL", "mysql://root@127.0.0.1:3306"))
    try:
        connection = pymysql.connect(
            host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or "", connect_timeout=5
        )
    except pymysql.MySQLError as error:
        if os.environ.get("T2S_REQUIRE_LIVE") == "1":
            raise
        pytest.skip(f"no MariaDB at {url.hostname}:{url.port}: {error}")
    with connection.cursor() as cursor:
        cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(f"SET timestamp = {datetime.fromisoformat(functions.NOW + '+00:00').timestamp():.0f}")
    yield connection
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
    connection.close()


def fill(server: Any, ddl: str, rows: dict[str, Sequence[tuple[Any, ...]]]) -> Any:
    cursor = server.cursor()
    cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
    cursor.execute(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    cursor.execute(f"USE {NAME}")
    cursor.execute("SET foreign_key_checks = 0")
    for statement in filter(str.strip, ddl.split(";")):
        cursor.execute(statement)
    for table, lines in rows.items():
        if lines:
            cursor.executemany(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(lines[0]))})", lines)
    server.commit()
    return cursor


def plain(value: Any) -> Any:
    """A value of either engine in one form; MySQL rounds quotients of DECIMALs to a few digits."""
    if isinstance(value, Decimal | float):
        return float(f"{float(value):.4g}") if abs(value) >= 1 else round(float(value), 3)
    if isinstance(value, bool | int):
        return float(f"{float(value):.4g}") if abs(value) >= 1 else float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, timedelta):
        return str(value).rjust(8, "0")
    if isinstance(value, date):
        return value.isoformat()
    return value.decode() if isinstance(value, bytes) else value


def forms(rows: Sequence[Sequence[Any]], ordered: bool) -> Any:
    made = [tuple(plain(v) for v in row) for row in rows]
    return made if ordered else Counter(made)


def test_hand_written_queries(server: Any) -> None:
    schema = parse_schema(DDL, "mysql")
    cursor = fill(server, DDL, ROWS)
    ours = open_database(schema, ROWS)
    wrong, unsupported = [], []
    for sql in QUERIES:
        try:
            query = translate(sql, schema, "mysql")
            got: Any = run_query(ours, query.sql, 2)
        except Refused as refused:
            (unsupported if refused.outcome == "unsupported" else wrong).append(f"{sql}: {refused.reason}")
            continue
        cursor.execute(sql)
        expected = cursor.fetchall()
        if forms(got, query.ordered) != forms(expected, query.ordered):
            wrong.append(f"{sql}\n  ours {got}\n  real {list(expected)}\n  {query.sql}")
    assert not wrong, "\n".join(wrong)
    assert len(unsupported) <= 5, "\n".join(unsupported)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name AS n FROM shops WHERE n = 'x'",
        "SELECT nope FROM shops",
        "SELECT id FROM nowhere",
        "SELECT id FROM shops JOIN items ON shops.id = items.shop_id",
        "SELECT id FROM shops WHERE COUNT(*) > 1",
        "SELECT s.id FROM shops s LEFT JOIN items i",
        "SELECT id FROM items WHERE shop_id = (SELECT id FROM shops)",
        "SELECT id FROM (SELECT id FROM shops)",
        "SELECT id FROM shops UNION SELECT id, name FROM shops",
    ],
)
def test_what_the_server_refuses_is_refused(server: Any, sql: str) -> None:
    schema = parse_schema(DDL, "mysql")
    cursor = fill(server, DDL, ROWS)
    with pytest.raises(pymysql.MySQLError):
        cursor.execute(sql)
        cursor.fetchall()
    with pytest.raises(Refused) as refused:
        run_query(open_database(schema, ROWS), translate(sql, schema, "mysql").sql, 2)
    assert refused.value.outcome == "invalid"


def test_gold_queries_of_the_sample(server: Any) -> None:
    path = Path(__file__).parents[2] / "tasks" / "data" / "sample" / "sample.jsonl"
    if not path.is_file():
        pytest.skip("no bundled sample")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows = sorted(rows, key=lambda r: hashlib.sha256(json.dumps(r, sort_keys=True).encode()).hexdigest())[:200]
    config = SqlConfig(databases=3)
    compared, wrong = 0, []
    by_context: dict[str, list[str]] = {}
    for row in rows:
        by_context.setdefault(row["context"], []).append(row["answer"])
    for context, answers in by_context.items():
        schema = parse_schema(context, "mysql")
        cursor = fill(server, context, {})
        for answer in answers:
            gold = prepare_gold(context, answer, "mysql", config)
            if gold.query is None or not gold.trials:
                continue
            made = list(generate(schema, gold.query.source, config))
            trial = next(t for t in gold.trials if t.rows in made)
            for table, lines in trial.rows.items():
                cursor.execute(f"DELETE FROM `{table}`")
                if lines:
                    cursor.executemany(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(lines[0]))})", lines)
            with contextlib.closing(server.cursor()) as reader:
                reader.execute(answer)
                expected = reader.fetchall()
            compared += 1
            ours, theirs = (
                [[fold(v) if isinstance(v, str) else v for v in r] for r in a] for a in (trial.answer, expected)
            )
            if forms(ours, trial.ordered) != forms(theirs, trial.ordered):
                wrong.append(f"{answer}\n  ours {trial.answer}\n  real {list(expected)}")
            gold.close()
    assert not wrong, "\n".join(wrong)
    assert compared >= 0.9 * len(rows)
