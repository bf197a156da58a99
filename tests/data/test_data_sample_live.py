"""Every answer of the bundled sample runs on a real server, in the mode that refuses sloppy GROUP BYs."""

from __future__ import annotations

import json
import os
from urllib.parse import urlparse

import pymysql
import pytest

from tasks.data.sample import PATH

NAME = "t2s_sample_test"


@pytest.mark.live
def test_every_answer_runs_on_a_real_server() -> None:
    url = urlparse(os.environ.get("T2S_MARIADB_URL", "mysql://root@127.0.0.1:3306"))
    try:
        server = pymysql.connect(
            host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or "", connect_timeout=5
        )
    except pymysql.MySQLError as error:
        if os.environ.get("T2S_REQUIRE_LIVE") == "1":
            raise
        pytest.skip(f"no MariaDB at {url.hostname}:{url.port}: {error}")
    answers: dict[str, list[str]] = {}
    for line in PATH.read_text("utf-8").splitlines():
        row = json.loads(line)
        answers.setdefault(row["context"], []).append(row["answer"])
    with server, server.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'")
        try:
            for context, queries in answers.items():
                cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
                cursor.execute(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
                cursor.execute(f"USE {NAME}")
                for statement in filter(str.strip, context.split(";")):
                    cursor.execute(statement)
                for query in queries:
                    cursor.execute(query)  # raises what the server objects to
        finally:
            cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
