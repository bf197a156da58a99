"""Gold and predictions on a real server: right, wrong, hanging and writing queries, and nothing left behind."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

import os
import time

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.sql.config import SqlConfig
from tasks.sql.execution import compare
from tasks.sql.live.server import Server, prefix, url_from

pytestmark = pytest.mark.live
URLS = {
    "mysql": os.environ.get("T2S_MARIADB_URL", "mysql://root@127.0.0.1:3306"),
    "postgres": os.environ.get("T2S_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
}
DDL = """
CREATE TABLE Guilds (id INT PRIMARY KEY, title VARCHAR(50) NOT NULL, region VARCHAR(20));
CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, level INT, joined DATE, active BOOLEAN,
  points DECIMAL(8,2), guild_id INT, FOREIGN KEY (guild_id) REFERENCES Guilds(id));
"""
FILTER = "SELECT name FROM players WHERE level > 10 AND joined >= '2023-01-01'"
CONFIG = SqlConfig(databases=6, query_timeout_s=0.7, engine_url_env="T2S_TEST_ENGINE_URL")


@pytest.fixture(params=list(URLS))
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("T2S_TEST_ENGINE_URL", URLS[request.param])
    try:
        Server(url_from("T2S_TEST_ENGINE_URL", request.param), 1.0).close()
    except InputError as error:
        if os.environ.get("T2S_REQUIRE_LIVE") == "1":
            raise
        pytest.skip(str(error))
    return str(request.param)


def judged(dialect: str, pairs: list[tuple[str, str]], config: SqlConfig = CONFIG) -> pd.DataFrame:
    rows = pd.DataFrame(pairs, columns=["gold", "prediction"]).assign(context=DDL)
    rows["example_id"] = [f"{i:016x}" for i in range(len(rows))]
    return compare(rows, dialect, config, processes=2)


def left_behind(dialect: str) -> list[str]:
    server = Server(url_from("T2S_TEST_ENGINE_URL", dialect), 1.0)
    names = server.drop_all(prefix(os.getpid()))
    server.close()
    return names


def test_right_and_wrong_queries_and_no_schema_left(dialect: str) -> None:
    month = "DATE_TRUNC('month', joined)" if dialect == "postgres" else "DATE_FORMAT(joined, '%Y-%m-01')"
    pairs = [
        (FILTER, "SELECT p.name FROM players AS p WHERE NOT (level <= 10) AND joined > '2022-12-31'", "equal", ""),
        (FILTER, "SELECT name FROM players WHERE level >= 10 AND joined >= '2023-01-01'", "different", "wrong rows"),
        (FILTER, "SELECT name FROM players", "different", "wrong rows"),
        (FILTER, "SELECT nope FROM players", "invalid", "unknown column"),
        (FILTER, "SELECT name FROM nowhere", "invalid", "unknown table"),
        (FILTER, "SELEC name", "invalid", "syntax error"),
        (FILTER, "", "invalid", "no answer"),
        ("SELECT nope FROM players", FILTER, "undecided", "gold fails: unknown column"),
        (f"SELECT {month}, COUNT(*), SUM(points) FROM players WHERE active GROUP BY {month}", f"SELECT {month} m, COUNT(id), SUM(points) FROM players WHERE active = TRUE GROUP BY {month}", "equal", ""),
        ("SELECT g.title, COUNT(p.id) FROM Guilds g LEFT JOIN players p ON p.guild_id = g.id GROUP BY g.id ORDER BY g.id", "SELECT g.title, COUNT(p.id) FROM Guilds g JOIN players p ON p.guild_id = g.id GROUP BY g.id ORDER BY g.id", "different", "wrong rows"),
        ("SELECT name FROM players WHERE joined > NOW() - INTERVAL '30' DAY", "SELECT name FROM players WHERE joined > TIMESTAMP '2024-05-16 12:00:00'", "equal", ""),
    ]  # fmt: skip
    found = judged(dialect, [(gold, prediction) for gold, prediction, _, _ in pairs])
    for (_, prediction, outcome, reason), got in zip(pairs, found.itertuples(), strict=True):
        assert got.outcome == outcome, (prediction, got.outcome, got.reason, got.counterexample)
        assert str(got.reason).startswith(reason), (prediction, got.reason)
    assert "gold answer" in found.counterexample[1]
    assert left_behind(dialect) == []


def test_hanging_and_writing_queries_end_and_change_nothing(dialect: str) -> None:
    slow = ["SELECT SLEEP(60)"] if dialect == "mysql" else ["SELECT PG_SLEEP(60)", "SELECT 1 FROM PG_SLEEP(60)"]
    slow.append("SELECT COUNT(*) FROM " + ", ".join(f"players p{i}" for i in range(12)))
    writes = [
        "DELETE FROM players",
        "DROP TABLE players",
        "INSERT INTO players (id, name) VALUES (99, 'x')",
        "WITH gone AS (DELETE FROM players RETURNING id) SELECT id FROM gone",
        "SELECT name FROM players; DROP TABLE players",
        "SELECT name INTO stolen FROM players",
        "SELECT name FROM players FOR UPDATE",
        "SELECT LOAD_FILE('/etc/passwd')" if dialect == "mysql" else "SELECT PG_READ_FILE('/etc/passwd')",
        "SELECT name FROM players INTO OUTFILE '/tmp/x'",
        "COPY players TO '/tmp/x'",
        "CREATE TABLE t2s_other (a INT)",
    ]
    began = time.monotonic()
    found = judged(dialect, [(FILTER, sql) for sql in [*slow, *writes, FILTER + " AND 1 = 1"]])
    assert time.monotonic() - began < 40
    assert found.outcome.tolist()[:-1] == ["invalid"] * (len(slow) + len(writes)), found
    assert (found.reason[: len(slow)] == "too slow").all(), found
    assert found.outcome.iloc[-1] == "equal"  # the tables are as they were
    assert left_behind(dialect) == []


def test_a_killed_worker_leaves_no_schema(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.sql import worker

    received = worker.Worker._receive
    kills: list[int] = []

    def receive(self: worker.Worker, line: object, deadline_s: float) -> object:
        message = received(self, line, deadline_s)  # type: ignore[arg-type]
        if deadline_s == worker.WALL * worker.SETUP_ITEMS * CONFIG.query_timeout_s and self._child is not None:
            kills.append(self._child.pid)  # its schemas are made; the slow prediction has just begun
            self._child.kill()
        return message

    monkeypatch.setattr(worker.Worker, "_receive", receive)
    slow = "SELECT COUNT(*) FROM " + ", ".join(f"players AS p{i}" for i in range(40))
    rows = pd.DataFrame({"example_id": ["a"], "context": [DDL], "gold": [FILTER], "prediction": [slow]})
    found = compare(rows, dialect, CONFIG, processes=1)
    assert (found.outcome[0], found.reason[0]) == ("invalid", "too slow (its worker was stopped)"), found
    assert len(kills) == 2, "it was tried once more"
    assert left_behind(dialect) == []


def test_a_wrong_url_is_told_before_anything_runs(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"mysql": "postgres", "postgres": "mysql"}[dialect]
    for text, message in (
        ("", "is not set"),
        ("no url", "holds no SQLAlchemy URL"),
        (URLS[other], f"the queries are of {dialect}"),
        (URLS[dialect].rsplit(":", 1)[0] + ":1", "no connection to"),
    ):
        monkeypatch.setenv("T2S_TEST_ENGINE_URL", text)
        with pytest.raises(InputError, match=message):
            judged(dialect, [(FILTER, FILTER)])
