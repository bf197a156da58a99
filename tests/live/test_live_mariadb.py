"""The same queries on the same rows: our SQLite engine against a real MariaDB.

Server: T2S_MARIADB_URL, default mysql://root@127.0.0.1:3306. Without one the tests are skipped, unless
T2S_REQUIRE_LIVE=1. Every database made here is dropped again.
"""

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

from benchmarks.sql.listed_mysql import DDL, ROWS
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
