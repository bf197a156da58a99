"""Validation: every reason of a row is kept, a check that cannot run stops the night, the page asks nobody."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from tasks.common.errors import StageError
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.docs import render_docs
from tasks.data.quarantine import check_share, count_reasons, summarise
from tasks.data.sources.read import read_rows, with_kinds
from tasks.data.validation import validate
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=3, query_timeout_s=0.5)
DDL = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), level INT);"
GOOD = {
    "db_id": 1,
    "context": DDL,
    "question": "Names of players above 3?",
    "answer": "SELECT name FROM players WHERE level > 3",
}


def write(path: Path, rows: list[dict[str, object]]) -> DataConfig:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    source = {"kind": "rows", "path": str(path)}
    return DataConfig(sources=[source], validation=ValidationConfig(max_quarantined_share=1.0))


def test_a_row_keeps_all_its_reasons(tmp_path: Path) -> None:
    bad = {**GOOD, "question": "\x01" * 2_000, "answer": "SELECT nickname FROM players", "language": "fr"}
    config = write(tmp_path / "rows.jsonl", [GOOD, bad])
    quarantined = validate(read_rows(config), config, SQL).quarantined
    heads = {reason.split(":")[0] for reason in quarantined.loc["rows.jsonl:2", "reasons"]}
    assert heads == {
        "question has control characters",
        "question is longer than 1000 characters",
        "language is not en, ko",
        "unknown column",
    }
    assert count_reasons(quarantined) == dict.fromkeys(sorted(heads, key=lambda head: head), 1)


def test_rows_that_are_all_unfit_leave_no_good_row(tmp_path: Path) -> None:
    config = write(tmp_path / "rows.jsonl", [dict.fromkeys(GOOD)] * 3)
    result = validate(read_rows(config), config, SQL)
    assert result.good.empty
    assert len(result.quarantined) == 3
    assert "duplicate of an earlier row: rows.jsonl:1" in result.quarantined.loc["rows.jsonl:3", "reasons"]


def test_too_many_unfit_rows_stop_the_night_and_name_the_checks_and_a_row(tmp_path: Path) -> None:
    bad = [{**GOOD, "question": f"Nicknames {n}?", "answer": "SELECT nickname FROM players"} for n in range(2)]
    config = write(tmp_path / "rows.jsonl", [GOOD, *bad, {**GOOD, "question": None}])
    rows = read_rows(config)
    quarantined = validate(rows, config, SQL).quarantined
    check_share(rows, quarantined, 0.75, tmp_path)
    with pytest.raises(
        StageError,
        match=r"3 of 4 rows are unfit.*50%.*'unknown column' \(2 rows\), 'question is missing' \(1 rows\)"
        r".*rows.jsonl:2.*Nicknames 0.*all of them: ",
    ):
        check_share(rows, quarantined, 0.5, tmp_path)


def test_the_quarantine_is_counted_by_source_domain_and_kind_with_examples(tmp_path: Path) -> None:
    wrong = [{**GOOD, "question": f"Nicknames {n}?", "answer": "SELECT COUNT(nickname) FROM players"} for n in range(5)]
    more = {**GOOD, "domain": "chess", "question": "x" * 1_001}
    config = write(tmp_path / "rows.jsonl", [GOOD, *wrong, more])
    rows = with_kinds(read_rows(config), 4_000)
    found = summarise(rows, validate(rows, config, SQL).quarantined)
    assert found["by_source"] == [{"source": "rows.jsonl", "rows": 7, "quarantined": 6, "reason": "unknown column"}]
    assert [(line["domain"], line["rows"], line["quarantined"]) for line in found["by_domain"]] == [
        ("1", 6, 5),
        ("chess", 1, 1),
    ]
    assert [(line["kind"], line["quarantined"]) for line in found["by_kind"]] == [("aggregation", 5), ("basic SQL", 1)]
    assert [example["row"] for example in found["examples"]] == [f"rows.jsonl:{n}" for n in (2, 3, 4, 7)]
    assert found["examples"][0]["reasons"] == ["unknown column: nickname"]


def test_data_docs_are_one_page_that_asks_nobody_outside(tmp_path: Path) -> None:
    bad = {**GOOD, "question": "<script>alert(1)</script> who?", "answer": "SELECT nickname FROM players"}
    config = write(tmp_path / "rows.jsonl", [GOOD, bad])
    rows = read_rows(config)
    result = validate(rows, config, SQL)
    page = render_docs(rows, result.quarantined, result.suite)
    assert not re.search(r"https?:|//\w|src=|href=|url\(|@import|<script|<link|<img", page)
    assert "&lt;script&gt;" in page
    assert "expect queries to be sound" in page and "rows.jsonl:2" in page
    assert page.count('class="bad">failed') == 1
    assert page.count('class="good">met') == len(result.suite) - 1


def test_only_databases_that_are_allowed_pass(tmp_path: Path) -> None:
    config = write(tmp_path / "rows.jsonl", [GOOD, {**GOOD, "db_id": 9}])
    config = config.model_copy(update={"validation": ValidationConfig(db_ids=("1", "2"))})
    assert validate(read_rows(config), config, SQL).quarantined["reasons"].tolist() == [["db_id is not 1, 2"]]


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
