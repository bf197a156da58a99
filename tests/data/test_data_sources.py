"""Files with planted faults: each is told in one line with the file, the place and what was expected."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.data.columns import COLUMNS, example_id, language_of
from tasks.data.config import DataConfig
from tasks.data.sources.read import check_sources, read_rows

DDL = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), level INT);"
HEADER = "db_id,context,question,answer\n"
RECORD = f'1,"{DDL}",Names of all players?,SELECT name FROM players\n'
OBJECT = {"db_id": 1, "context": DDL, "question": "Names of all players?", "answer": "SELECT name FROM players"}
LINE = json.dumps(OBJECT) + "\n"


def whole_parquet(path: Path) -> bytes:
    pd.DataFrame([OBJECT] * 50).to_parquet(path)
    return path.read_bytes()


def half_parquet(path: Path) -> bytes:
    whole = whole_parquet(path)
    return whole[: len(whole) // 2]


def damaged_parquet(path: Path) -> bytes:
    whole = bytearray(whole_parquet(path))
    whole[40:400] = b"\xff" * 360
    return bytes(whole)


def parquet_of_lists(path: Path) -> bytes:
    pd.DataFrame([{**OBJECT, "question": ["a", "list"]}]).to_parquet(path)
    return path.read_bytes()


BROKEN = {
    "unknown suffix": ("rows.xlsx", b"PK", "unknown suffix '.xlsx'; expected .csv, .jsonl, .parquet"),
    "empty csv": ("rows.csv", b"", "the file is empty"),
    "empty jsonl": ("rows.jsonl", b"\n\n", "no rows"),
    "header only": ("rows.csv", HEADER.encode(), "no rows"),
    "missing column": (
        "rows.csv",
        b"db_id,context,question\n1,a,b\n",
        "missing column answer; found: db_id, context, question",
    ),
    "missing key": (
        "rows.jsonl",
        b'{"db_id": 1, "sql": "x"}\n',
        "missing columns context, question, answer; found: db_id, sql",
    ),
    "other separator": ("rows.csv", HEADER.replace(",", ";").encode() + b"1;a;b;c\n", "missing columns"),
    "column twice": ("rows.csv", b"db_id,context,question,answer,answer\n1,a,b,c,d\n", "'answer' appears twice"),
    "ragged csv": ("rows.csv", (HEADER + RECORD + "1,a,b\n").encode(), "line 3: found 3 fields, expected 4"),
    "ragged after a field of two lines": (
        "rows.csv",
        (HEADER + '1,"a\nb",c,d\n' + "1,a,b,c,d\n").encode(),
        "line 4: found 5 fields, expected 4",
    ),
    "open quote": ("rows.csv", (HEADER + RECORD + '1,"never closed,b,c\n' + RECORD).encode(), "line 3: not CSV"),
    "broken json": ("rows.jsonl", (LINE + LINE[:40] + "\n" + LINE).encode(), "line 2: not JSON"),
    "nested json": ("rows.jsonl", (LINE + "[" * 100_000).encode(), "line 2: not JSON"),
    "json array": ("rows.jsonl", (LINE + "[1, 2]\n").encode(), "line 2: expected a JSON object, found list"),
    "not text": (
        "rows.jsonl",
        (LINE + json.dumps({**OBJECT, "question": {"text": "a"}})).encode(),
        "rows.jsonl:2: question: expected text, found dict",
    ),
    "half a surrogate pair": (
        "rows.jsonl",
        (LINE + json.dumps({**OBJECT, "question": "\ud83d"})).encode(),
        "rows.jsonl:2: question: expected text, found half a surrogate pair",
    ),
    "cp949": ("rows.csv", HEADER.encode() + RECORD.encode() + "1,a,질문,c\n".encode("cp949"), "line 3: not UTF-8"),
    "utf-16": ("rows.csv", (HEADER + RECORD).encode("utf-16"), "line 1: not UTF-8"),
    "half-written parquet": ("rows.parquet", half_parquet, "not a whole Parquet file"),
    "damaged parquet": ("rows.parquet", damaged_parquet, "broken after row 0"),
    "parquet of lists": ("rows.parquet", parquet_of_lists, "rows.parquet:1: question: expected text, found list"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_told_in_one_line(fault: str, tmp_path: Path) -> None:
    name, content, expected = BROKEN[fault]
    path = tmp_path / name
    path.write_bytes(content(path) if isinstance(content, Callable) else content)
    with pytest.raises(InputError) as error:
        read_rows(DataConfig(sources=[{"kind": "rows", "path": str(path)}]))
    assert path.name in str(error.value)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fault", ["unknown suffix", "empty csv", "header only", "missing column", "half-written parquet"]
)
def test_the_preflight_finds_what_the_first_record_shows(fault: str, tmp_path: Path) -> None:
    name, content, expected = BROKEN[fault]
    path = tmp_path / name
    path.write_bytes(content(path) if isinstance(content, Callable) else content)
    with pytest.raises(InputError, match=expected.split(";")[0]):
        check_sources(DataConfig(sources=[{"kind": "rows", "path": str(path)}]))


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere.csv", "no such file"), ("", "unknown suffix ''"), ("folder.csv", "cannot be opened")]
)
def test_a_missing_file_and_a_folder_are_refused(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=told):
        check_sources(DataConfig(sources=[{"kind": "rows", "path": str(tmp_path / name)}]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", (HEADER + RECORD).encode()),
        ("bom.csv", (HEADER + RECORD).encode("utf-8-sig")),
        ("crlf.csv", (HEADER + RECORD).replace("\n", "\r\n").encode()),
        ("no-last-newline.csv", (HEADER + RECORD).strip().encode()),
        ("blank-line.csv", (HEADER + RECORD + "\n").encode()),
        ("UPPER.CSV", (HEADER + RECORD).encode()),
        ("plain.jsonl", LINE.encode()),
        ("bom.jsonl", LINE.encode("utf-8-sig")),
        ("crlf.jsonl", (LINE.strip() + "\r\n\r\n").encode()),
        ("extra-key.jsonl", json.dumps({**OBJECT, "note": [1]}).encode()),
        ("float-id.jsonl", json.dumps({**OBJECT, "db_id": 1.0}).encode()),
    ],
)
def test_harmless_variants_of_a_file_give_the_same_row(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    rows = read_rows(DataConfig(sources=[{"kind": "rows", "path": str(path)}]))
    assert list(rows.columns) == list(COLUMNS)
    assert rows.to_dict("records") == [
        {
            "example_id": example_id("1", DDL, OBJECT["question"], OBJECT["answer"]),
            "db_id": "1",
            "context": DDL,
            "question": OBJECT["question"],
            "answer": OBJECT["answer"],
            "dialect": "mysql",
            "language": "en",
            "domain": "1",
            "complexity": "basic SQL",
            "source": name,
        }
    ]


def test_values_stay_text_and_nulls_stay_null(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "db_id": pd.array([7, None], dtype="float64"),
            "context": ["NA", None],
            "question": ["null", float("nan")],
            "answer": ["None", ""],
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    rows = read_rows(DataConfig(sources=[{"kind": "rows", "path": str(tmp_path / "rows.parquet")}]))
    assert rows.loc["rows.parquet:1", ["db_id", "context", "question", "answer"]].tolist() == [
        "7",
        "NA",
        "null",
        "None",
    ]
    assert rows.loc["rows.parquet:2", ["db_id", "context", "question"]].isna().all()
    assert rows.loc["rows.parquet:2", "answer"] == ""
    assert (rows.dtypes == "str").all()


def test_a_row_is_known_by_its_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + '1,"two\nlines",a,b\n' + RECORD)
    assert read_rows(DataConfig(sources=[{"kind": "rows", "path": str(path)}])).index.tolist() == [
        "rows.csv:2",
        "rows.csv:4",
    ]


def test_language_and_domain_of_the_file_win(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**OBJECT, "language": "ko", "domain": "chess"}) + "\n" + LINE)
    rows = read_rows(DataConfig(sources=[{"kind": "rows", "path": str(path)}]))
    assert rows[["language", "domain"]].values.tolist() == [["ko", "chess"], ["en", "1"]]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How many players are there?", "en"),
        ("모든 플레이어의 이름을 알려줘", "ko"),
        ("players 테이블에서 level이 10 이상인 행을 찾아줘", "ko"),
        ("Which players chose the class '전사'?", "en"),
        (unicodedata.normalize("NFD", "모든 이름"), "ko"),
        ("", "en"),
        ("123 !?", "en"),
    ],
)
def test_the_language_is_found_from_the_letters(question: str, language: str) -> None:
    assert language_of(question) == language


def test_the_id_tells_a_missing_value_from_an_empty_one() -> None:
    assert example_id("1", "a", None, "b") != example_id("1", "a", "", "b")
    assert example_id("1", "a", "b", "c") != example_id("1", "ab", "", "c")


def test_the_bundled_sample_is_a_source_like_any_other() -> None:
    check_sources(DataConfig())
    rows = read_rows(DataConfig())
    assert not rows.isna().any(axis=None)
    assert rows["example_id"].is_unique
    assert set(rows["language"]) == {"en", "ko"}
    assert rows.groupby("db_id")["domain"].unique().map(list)["1"] == ["games"]
    assert rows["complexity"].nunique() >= 5
