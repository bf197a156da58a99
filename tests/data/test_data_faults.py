"""Planted faults: each row is quarantined for its reason and no other, each broken file is told in one line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.prepare import prepare_data
from tasks.data.sources.read import read_rows
from tasks.data.validation import Validation, validate
from tasks.sql.config import SqlConfig

SQL = SqlConfig(databases=3, query_timeout_s=0.5)
DDL = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), level INT);"
GOOD = {
    "db_id": 1,
    "context": DDL,
    "question": "Names of players above 3?",
    "answer": "SELECT name FROM players WHERE level > 3",
}
CTE_WITHOUT_END = "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"
CROSS_JOIN = "SELECT COUNT(*) FROM " + ", ".join(f"players p{n}" for n in range(14))


def asked(question: str | None) -> dict[str, object]:
    return {"question": question}


def answered(answer: str | None) -> dict[str, object]:
    return {"answer": answer}


def on(context: str | None) -> dict[str, object]:
    return {"context": context}


NOT_A_QUERY = "answer is not one read-only query"
NOT_PARSED = "answer does not parse"
NO_CONTEXT = "context does not parse"
LANGUAGE = "question is not in its language"

# What is planted into a good row, and how its one reason begins.
PLANTED: dict[str, tuple[dict[str, object], str]] = {
    "null db_id": ({"db_id": None}, "db_id is missing"),
    "null question": (asked(None), "question is missing"),
    "null context": (on(None), "context is missing"),
    "null answer": (answered(None), "answer is missing"),
    "blank db_id": ({"db_id": " "}, "db_id is blank"),
    "empty question": (asked(""), "question is blank"),
    "blank question": (asked(" \t\u3000\u00a0"), "question is blank"),
    "empty context": (on(""), "context is blank"),
    "blank answer": (answered("\n"), "answer is blank"),
    "white space around the db_id": ({"db_id": "1 "}, "db_id has white space around it"),
    "a db_id of 300 characters": ({"db_id": "9" * 300}, "db_id is longer than 200 characters"),
    "NUL byte in db_id": ({"db_id": "1\x00"}, "db_id has control characters"),
    "NUL byte in question": (asked("Names\x00?"), "question has control characters"),
    "NUL byte in context": (on(DDL + "\x00"), "context has control characters"),
    "NUL byte in answer": (answered("SELECT\x00 name FROM players"), "answer has control characters"),
    "escape sequence": (asked("Names \x1b[31mof\x1b[0m players?"), "question has control characters"),
    "writing turned round": (asked("Names of \u202eplayers?"), "question has control characters"),
    "byte order mark inside": (answered("\ufeffSELECT name FROM players"), "answer has control characters"),
    "Latin-1 control": (asked("Names of the players\x92 guild?"), "question has control characters"),
    "text that was not decoded": (asked("Names of \ufffd\ufffd?"), "question has characters that were not decoded"),
    "1 MB question": (asked("who " * 262_144), "question is longer than 1000 characters"),
    "1 MB answer": (answered("SELECT " + "1 + " * 262_144 + "1"), "answer is longer than 4000 characters"),
    "long context": (on(DDL + " " * 20_000), "context is longer than 20000 characters"),
    "unknown language": ({"language": "fr"}, "language is not en, ko"),
    "language in capitals": ({"language": "EN"}, "language is not en, ko"),
    "unknown dialect": ({"dialect": "oracle"}, "dialect is not mysql, sqlite, postgres"),
    "English called Korean": ({"language": "ko"}, LANGUAGE),
    "Korean called English": ({"language": "en", **asked("레벨이 3보다 높은 선수는?")}, LANGUAGE),
    "Chinese": (asked("等级高于三的玩家有哪些"), LANGUAGE),
    "Russian": (asked("Имена игроков"), LANGUAGE),
    "Japanese called Korean": ({"language": "ko", **asked("プレイヤーの名前は")}, LANGUAGE),
    "no letters": (asked("123 ?!"), LANGUAGE),
    "emoji": (asked("🎮🎮🎮"), LANGUAGE),
    "unknown column": (answered("SELECT nickname FROM players"), "unknown column"),
    "unknown column in WHERE": (answered("SELECT name FROM players WHERE rank > 3"), "unknown column"),
    "column in backticks": (answered("SELECT `nickname` FROM players"), "unknown column"),
    "column of another table": (answered("SELECT p.region FROM players p"), "unknown column"),
    "unknown table": (answered("SELECT name FROM guilds"), "unknown table"),
    "unknown table in a subquery": (
        answered("SELECT name FROM players WHERE id IN (SELECT id FROM guilds)"),
        "unknown table",
    ),
    "unknown alias": (answered("SELECT q.name FROM players p"), "unknown"),
    "DROP TABLE": (answered("DROP TABLE players"), NOT_A_QUERY),
    "DELETE": (answered("DELETE FROM players"), NOT_A_QUERY),
    "UPDATE": (answered("UPDATE players SET level = 99"), NOT_A_QUERY),
    "INSERT": (answered("INSERT INTO players VALUES (1, 'a', 2)"), NOT_A_QUERY),
    "CREATE": (answered("CREATE TABLE spoils (id INT)"), NOT_A_QUERY),
    "SELECT INTO a file": (answered("SELECT name FROM players INTO OUTFILE '/tmp/x'"), "answer"),
    "two statements": (answered("SELECT name FROM players; DELETE FROM players"), NOT_A_QUERY),
    "only a comment": (answered("-- to do"), "answer is empty"),
    "only a semicolon": (answered(";"), "answer is empty"),
    "prose": (answered("I would ask the players table"), NOT_PARSED),
    "fenced SQL": (answered("```sql\nSELECT name FROM players\n```"), "answer"),
    "cut off": (answered("SELECT name FROM players WHERE level >"), NOT_PARSED),
    "open bracket": (answered("SELECT COUNT(name FROM players"), NOT_PARSED),
    "open quote": (answered("SELECT name FROM players WHERE name = 'x"), NOT_PARSED),
    "nested too deep": (answered("SELECT " + "(" * 200 + "1" + ")" * 200), NOT_PARSED),
    "CTE without end": (answered(CTE_WITHOUT_END), "answer"),
    "cross join of everything": (answered(CROSS_JOIN), "answer"),
    "returns nothing": (answered("SELECT name FROM players WHERE 1 = 0"), "answer returns no rows"),
    "contradiction": (answered("SELECT name FROM players WHERE level > 5 AND level < 2"), "answer returns no rows"),
    "a function nobody knows": (answered("SELECT FROBNICATE(name) FROM players"), "answer"),
    "context is prose": (on("the players table has a name"), NO_CONTEXT),
    "context is a query": (on("SELECT name FROM players"), NO_CONTEXT),
    "context is cut off": (on("CREATE TABLE players (id INT, name"), NO_CONTEXT),
    "context has a table twice": (on(DDL + DDL), NO_CONTEXT),
    "context has a column twice": (on("CREATE TABLE players (name TEXT, NAME TEXT, level INT)"), NO_CONTEXT),
    "context makes a view": (on("CREATE VIEW players AS SELECT 1 AS name, 2 AS level"), "context"),
    "SQL of another dialect": (
        {"dialect": "mysql", **answered("SELECT name::text FROM players LIMIT 1 FETCH FIRST 2 ROWS ONLY")},
        "answer",
    ),
}


def config_of(path: Path) -> DataConfig:
    source = {"kind": "rows", "path": str(path)}
    return DataConfig(sources=[source], validation=ValidationConfig(max_quarantined_share=1.0))


def write(path: Path, rows: list[dict[str, object]]) -> DataConfig:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return config_of(path)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Validation:
    """One good row, one row for each fault, and a copy of the good row at the end."""
    rows: list[dict[str, object]] = [GOOD]
    for name, (fault, _) in PLANTED.items():
        told = f"Names of players above 3 ({name.encode('ascii', 'ignore').decode()})?"
        rows.append({**GOOD, "question": told, **fault})
    rows.append(GOOD)
    config = write(tmp_path_factory.mktemp("planted") / "rows.jsonl", rows)
    return validate(read_rows(config), config, SQL)


def test_there_are_more_than_forty_kinds() -> None:
    assert len(PLANTED) >= 60


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_with_its_row_and_reason(name: str, planted: Validation) -> None:
    row = f"rows.jsonl:{2 + list(PLANTED).index(name)}"
    assert row in planted.quarantined.index
    reasons = planted.quarantined.loc[row, "reasons"]
    assert len(reasons) == 1, reasons
    assert reasons[0].startswith(PLANTED[name][1]), reasons


def test_only_the_good_row_is_kept_and_its_copy_is_not(planted: Validation) -> None:
    assert planted.good.index.tolist() == ["rows.jsonl:1"]
    assert planted.good.loc["rows.jsonl:1", "answer"] == GOOD["answer"]
    assert (planted.good.dtypes == "str").all()
    assert planted.quarantined.index.tolist() == [f"rows.jsonl:{n}" for n in range(2, len(PLANTED) + 3)]
    assert planted.quarantined["reasons"].iloc[-1] == ["duplicate of an earlier row: rows.jsonl:1"]


def test_the_result_table_counts_what_each_expectation_refused(planted: Validation) -> None:
    failed = {line["reason"]: line["failed"] for line in planted.suite}
    assert failed["question is blank"] == 2
    assert failed["duplicate of an earlier row"] == 1
    assert failed["question is not in its language"] == 7
    assert sum(line["failed"] for line in planted.suite) == len(PLANTED) + 1
    assert {line["rows"] for line in planted.suite} > {len(PLANTED) + 2}


def test_a_leaked_row_is_told_with_its_ids_and_dropped(tmp_path: Path) -> None:
    held_out = [{**GOOD, "question": f"Names of players above {n}?"} for n in range(2)]
    other = {"db_id": 2, "context": "CREATE TABLE guilds (id INT, name TEXT);", "answer": "SELECT name FROM guilds"}
    train = [{**other, "question": "All guilds?"}, {**other, "question": "names of  PLAYERS above 1?"}]
    config = write(tmp_path / "rows.jsonl", [*held_out, *train])
    output = prepare_data(config, SQL, tmp_path / "store")
    leaks = pd.read_parquet(output.file("leakage.parquet"))
    leaked = leaks[leaks["dropped"]]
    rows = read_rows(config)
    assert leaked["train_id"].tolist() == [rows.loc["rows.jsonl:4", "example_id"]]
    assert leaked["eval_id"].tolist() == [rows.loc["rows.jsonl:2", "example_id"]]
    assert pd.read_parquet(output.file("train.parquet"))["question"].tolist() == ["All guilds?"]


LINE = json.dumps(GOOD) + "\n"
CSV = "db_id,context,question,answer\n" + f'1,"{DDL}",Names of players above 3?,{GOOD["answer"]}\n'


def parquet(path: Path) -> bytes:
    pd.DataFrame([GOOD] * 50).to_parquet(path)
    return path.read_bytes()


# A file that cannot be used, and what is said of it.
BROKEN: dict[str, tuple[str, bytes | Callable[[Path], bytes], str]] = {
    "empty file": ("rows.csv", b"", "the file is empty"),
    "header alone": ("rows.csv", CSV.splitlines()[0].encode(), "has no rows"),
    "half-written Parquet": ("rows.parquet", lambda path: parquet(path)[:900], "not a whole Parquet file"),
    "Parquet without its foot": ("rows.parquet", lambda path: parquet(path)[:-8], "not a whole Parquet file"),
    "CSV called Parquet": ("rows.parquet", CSV.encode(), "not a whole Parquet file"),
    "half-written JSONL": ("rows.jsonl", (LINE + LINE[:50]).encode(), "line 2: not JSON"),
    "CP949": ("rows.csv", CSV.encode() + "1,a,질문,b\n".encode("cp949"), "line 3: not UTF-8"),
    "UTF-16": ("rows.csv", CSV.encode("utf-16"), "line 1: not UTF-8"),
    "missing column": ("rows.csv", b"db_id,context,question\n1,a,b\n", "missing column answer"),
    "misspelt key": ("rows.jsonl", LINE.replace("question", "questoin").encode(), "missing column question"),
    "column twice": ("rows.csv", CSV.replace("question", "answer").encode(), "column 'answer' appears twice"),
    "ragged row": ("rows.csv", (CSV + "1,a\n").encode(), "line 3: found 2 fields, expected 4"),
    "a list for a question": (
        "rows.jsonl",
        (LINE + json.dumps({**GOOD, "question": ["a"]})).encode(),
        "rows.jsonl:2: question: expected text, found list",
    ),
    "a boolean for an answer": (
        "rows.jsonl",
        (LINE + json.dumps({**GOOD, "answer": True})).encode(),
        "rows.jsonl:2: answer: expected text, found bool",
    ),
    "a number for SQL": (
        "rows.jsonl",
        (LINE + json.dumps({**GOOD, "answer": 1.5})).encode(),
        "rows.jsonl:2: answer: expected text, found float",
    ),
    "half a character": (
        "rows.jsonl",
        (LINE + json.dumps({**GOOD, "question": "\ud83d"})).encode(),
        "rows.jsonl:2: question: expected text, found half a surrogate pair",
    ),
    "a row that is a list": ("rows.jsonl", (LINE + "[1]\n").encode(), "line 2: expected a JSON object, found list"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_in_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    file, content, told = BROKEN[name]
    path = tmp_path / file
    path.write_bytes(content(path) if callable(content) else content)
    with pytest.raises(InputError) as error:
        prepare_data(config_of(path), SQL, tmp_path / "store")
    assert file in str(error.value) and told in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", codecs.BOM_UTF8 + CSV.encode()),
        ("bom.jsonl", codecs.BOM_UTF8 + LINE.encode()),
        ("crlf.csv", CSV.replace("\n", "\r\n").encode()),
        ("crlf.jsonl", LINE.replace("\n", "\r\n").encode()),
        ("blank-lines.jsonl", b"\n" + LINE.encode() + b"\n\n"),
    ],
)
def test_what_is_harmless_passes(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    config = config_of(tmp_path / name)
    good, quarantined, _ = validate(read_rows(config), config, SQL)
    assert quarantined.empty
    assert good[["db_id", "context", "question", "answer"]].values.tolist() == [["1", *list(GOOD.values())[1:]]]
