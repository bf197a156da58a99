"""Rows with planted faults: each is quarantined for its reason, and no other row is."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tasks.common.errors import StageError
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.sources import read_rows
from tasks.data.validation import Validation, count_reasons, validate
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=3, query_timeout_s=0.5)
DDL = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), level INT);"
ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"
GOOD = {
    "db_id": 1,
    "context": DDL,
    "question": "Names of players above 3?",
    "answer": "SELECT name FROM players WHERE level > 3",
}

# What is planted into a good row, and how the reason begins.
PLANTED: dict[str, tuple[dict[str, object], str]] = {
    "null db_id": ({"db_id": None}, "db_id is missing"),
    "null question": ({"question": None}, "question is missing"),
    "null context": ({"context": None}, "context is missing"),
    "null answer": ({"answer": None}, "answer is missing"),
    "empty question": ({"question": ""}, "question is blank"),
    "blank question": ({"question": " \t\u3000\u00a0"}, "question is blank"),
    "blank answer": ({"answer": "\n"}, "answer is blank"),
    "NUL byte in question": ({"question": "Names\x00?"}, "question has control characters"),
    "NUL byte in answer": ({"answer": "SELECT\x00 name FROM players"}, "answer has control characters"),
    "1 MB question": ({"question": "who " * 262_144}, "question is longer than 1000 characters"),
    "1 MB answer": ({"answer": "SELECT " + "1 + " * 262_144 + "1"}, "answer is longer than 4000 characters"),
    "long context": ({"context": DDL + " " * 20_000}, "context is longer than 20000 characters"),
    "other language": ({"language": "fr"}, "language is neither en nor ko"),
    "unknown column": ({"answer": "SELECT nickname FROM players"}, "unknown column"),
    "unknown table": ({"answer": "SELECT name FROM guilds"}, "unknown table"),
    "DROP TABLE": ({"answer": "DROP TABLE players"}, "answer is not one read-only query"),
    "UPDATE": ({"answer": "UPDATE players SET level = 99"}, "answer is not one read-only query"),
    "two statements": (
        {"answer": "SELECT name FROM players; DELETE FROM players"},
        "answer is not one read-only query",
    ),
    "not SQL": ({"answer": "I would ask the players table"}, "answer does not parse"),
    "never-ending query": ({"answer": ENDLESS}, "answer"),
    "returns nothing": ({"answer": "SELECT name FROM players WHERE 1 = 0"}, "answer returns no rows"),
    "context is not DDL": ({"context": "the players table has a name"}, "context does not parse"),
}


def write(path: Path, rows: list[dict[str, object]]) -> DataConfig:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return DataConfig(source=str(path), validation=ValidationConfig(max_quarantined_share=1.0))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Validation:
    """One good row, one row for each fault, and a copy of the good row at the end."""
    rows = [GOOD]
    for name, (fault, _) in PLANTED.items():
        rows.append({**GOOD, "question": f"Names of players above 3 ({name})?", **fault})
    rows.append(GOOD)
    config = write(tmp_path_factory.mktemp("planted") / "rows.jsonl", rows)
    return validate(read_rows(config), config, SQL)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_with_its_row_and_reason(name: str, planted: Validation) -> None:
    row = 2 + list(PLANTED).index(name)
    reasons = planted.quarantined.loc[row, "reasons"]
    assert len(reasons) == 1, reasons
    assert reasons[0].startswith(PLANTED[name][1])


def test_only_the_good_row_is_kept_and_its_copy_is_not(planted: Validation) -> None:
    assert planted.good.index.tolist() == [1]
    assert planted.quarantined.index.tolist() == list(range(2, len(PLANTED) + 3))
    assert planted.quarantined["reasons"].iloc[-1] == ["duplicate of an earlier row: row 1"]


def test_the_result_table_names_every_expectation(planted: Validation) -> None:
    failed = {line["reason"]: line["failed"] for line in planted.suite}
    assert failed["question is blank"] == 2
    assert failed["duplicate of an earlier row"] == 1
    assert failed["query is not sound"] == 9
    everything, runnable = len(PLANTED) + 2, len(PLANTED) + 2 - 6  # six contexts or answers are not worth a run
    assert {line["rows"] for line in planted.suite} == {everything, runnable}


def test_a_row_keeps_all_its_reasons(tmp_path: Path) -> None:
    bad = {**GOOD, "question": "\x01" * 2_000, "answer": "SELECT nickname FROM players", "language": "fr"}
    config = write(tmp_path / "rows.jsonl", [GOOD, bad])
    quarantined = validate(read_rows(config), config, SQL).quarantined
    heads = {reason.split(":")[0] for reason in quarantined.loc[2, "reasons"]}
    assert heads == {
        "question has control characters",
        "question is longer than 1000 characters",
        "language is neither en nor ko",
        "unknown column",
    }
    assert count_reasons(quarantined) == dict.fromkeys(sorted(heads, key=lambda head: head), 1)


def test_rows_that_are_all_unfit_leave_no_good_row(tmp_path: Path) -> None:
    config = write(tmp_path / "rows.jsonl", [dict.fromkeys(GOOD)] * 3)
    result = validate(read_rows(config), config, SQL)
    assert result.good.empty
    assert len(result.quarantined) == 3
    assert "duplicate of an earlier row: row 1" in result.quarantined.loc[3, "reasons"]


def test_too_many_unfit_rows_stop_the_night_and_name_the_check_and_a_row(tmp_path: Path) -> None:
    bad = [{**GOOD, "question": f"Nicknames {n}?", "answer": "SELECT nickname FROM players"} for n in range(2)]
    config = write(tmp_path / "rows.jsonl", [GOOD, *bad, {**GOOD, "question": None}])
    config = config.model_copy(update={"validation": ValidationConfig(max_quarantined_share=0.5)})
    with pytest.raises(
        StageError, match=r"3 of 4 rows are unfit.*50%.*'unknown column' \(2 rows\).*row 2.*Nicknames 0"
    ):
        validate(read_rows(config), config, SQL)


def test_an_expectation_that_fails_to_run_stops_the_night(tmp_path: Path) -> None:
    def broken(done: int, total: int, what: str) -> None:
        raise OSError("no space left")  # from within the expectation, which tells its progress

    config = write(tmp_path / "rows.jsonl", [GOOD])
    with pytest.raises(StageError, match=r"expect_queries_to_be_sound failed to run: .*no space left"):
        validate(read_rows(config), config, SQL, broken)


def test_columns_other_than_the_contract_stop_the_night(tmp_path: Path) -> None:
    config = write(tmp_path / "rows.jsonl", [GOOD])
    with pytest.raises(StageError, match=r"columns of the contract.*surplus"):
        validate(read_rows(config).assign(surplus="x"), config, SQL)


def test_validation_contacts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path / "rows.jsonl", [GOOD])
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: asked.append(where))
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: asked.append(where))
    validate(read_rows(config), config, SQL)
    assert [where for where in asked if not isinstance(where, str | bytes)] == []  # paths are local sockets


def test_progress_is_told(tmp_path: Path) -> None:
    config = write(tmp_path / "rows.jsonl", [GOOD])
    told: list[tuple[int, int, str]] = []
    validate(read_rows(config), config, SQL, lambda *what: told.append(what))
    assert told[-1][:2] == (1, 1)


def test_good_rows_keep_their_columns_and_text(planted: Validation) -> None:
    assert planted.good.loc[1, "answer"] == GOOD["answer"]
    assert (planted.good.dtypes == "str").all()
