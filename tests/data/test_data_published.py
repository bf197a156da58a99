"""Every source in its published shape: what becomes of its rows, and what a broken one is told."""

from __future__ import annotations

import json
import shutil
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
import sqlglot
from sqlalchemy import create_engine

from tasks.common.errors import InputError
from tasks.data.columns import COLUMNS, NEEDED
from tasks.data.config import DataConfig
from tasks.data.sources.read import check_sources, read_rows
from tasks.data.sources.schema_index import ddl, unique_names
from tasks.sql.schema import parse_schema

PUBLISHED = Path(__file__).with_name("published")
KINDS = {
    "ko_text2sql": (13, "mysql", "ko"),
    "sql_create_context": (6, "sqlite", "en"),
    "gretel": (9, "mysql", "en"),
    "wikisql": (7, "sqlite", "en"),
    "spider": (6, "sqlite", "en"),
    "aihub": (6, "sqlite", "ko"),
}
TABLE = pd.DataFrame(
    {
        "db_id": ["7", "8"],
        "context": ["CREATE TABLE t (a INT);"] * 2,
        "question": ["How many?", "모두 몇 개?"],
        "answer": ["SELECT COUNT(*) FROM t"] * 2,
        "dialect": ["sqlite", None],
    }
)


def rows_of(kind: str, path: Path | str | None = None, **settings: Any) -> pd.DataFrame:
    return read_rows(config_of(kind, path, **settings))


def config_of(kind: str, path: Path | str | None = None, **settings: Any) -> DataConfig:
    where = {} if path == "" else {"path": str(path or PUBLISHED / kind)}
    return DataConfig(sources=[{"kind": kind, **where, **settings}])


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_a_published_shape_becomes_a_row(kind: str) -> None:
    rows = rows_of(kind)
    count, dialect, language = KINDS[kind]
    assert len(rows) == count
    assert rows.index.is_unique and rows.index.str.startswith(f"{kind}:").all()
    assert list(rows.columns) == list(COLUMNS)
    assert (rows["dialect"] == dialect).all() and (rows["language"] == language).all()
    assert not rows.drop(columns=["context", "question"]).isna().any(axis=None)
    for context in rows["context"].dropna().unique():
        if "CREATE VIEW" not in context:
            assert parse_schema(context, dialect).tables


def test_a_configuration_and_both_splits_of_a_hub_set_are_read() -> None:
    assert len(rows_of("ko_text2sql", config="clean")) == 7
    splits = rows_of("ko_text2sql").index.str.split(":").str[1]
    assert splits.value_counts().to_dict() == {"train": 10, "test": 3}


def test_a_changed_folder_is_read_anew(tmp_path: Path) -> None:
    folder = shutil.copytree(PUBLISHED / "ko_text2sql", tmp_path / "ko_text2sql")
    before = len(rows_of("ko_text2sql", folder))
    file = folder / "origin" / "train.jsonl"
    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    assert (before, len(rows_of("ko_text2sql", folder))) == (13, 7)


def test_rows_on_the_same_tables_share_a_database() -> None:
    rows = rows_of("sql_create_context")
    assert rows["db_id"].nunique() == 3
    assert rows.groupby("context")["db_id"].nunique().eq(1).all()


def test_the_kind_of_query_is_found_in_the_sql_as_gretel_names_it() -> None:
    given = [json.loads(line) for line in (PUBLISHED / "gretel" / "train.jsonl").read_text("utf-8").splitlines()]
    rows = rows_of("gretel")
    for row in given[:5]:
        assert rows.loc[f"gretel:train:id={row['id']}", "complexity"] == row["sql_complexity"]


def test_wikisql_indices_become_sql_that_runs_on_the_table() -> None:
    rows = rows_of("wikisql")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("".join(rows["context"].unique()))
        connection.execute("""INSERT INTO "table_1_4711_1" VALUES ('O''Neil', '2:10', 4, 'fast', '')""")
        found = {row: connection.execute(answer).fetchall() for row, answer in rows["answer"].items()}
    assert found["wikisql:train.jsonl:3"] == [("fast",)]
    assert found["wikisql:train.jsonl:2"] == [(1,)]
    assert rows.loc["wikisql:train.jsonl:4", "answer"].endswith('WHERE "Length (m)" < 1200;')


def test_wikisql_reads_the_same_from_files_and_from_the_hubs_shape() -> None:
    files, hub = rows_of("wikisql"), rows_of("wikisql", PUBLISHED / "wikisql_hub")
    of_train = files[files.index.str.contains("train")].iloc[:5]
    assert hub[list(NEEDED)].to_dict("records") == of_train[list(NEEDED)].to_dict("records")


def test_headers_become_distinct_names() -> None:
    assert unique_names(["No.", "no.", " ", "a / b", "No. (2)"]) == [
        "No.",
        "no. (2)",
        "column 3",
        "a / b",
        "No. (2) (2)",
    ]


def test_spiders_index_form_becomes_ddl_with_keys() -> None:
    context = rows_of("spider")["context"].iloc[0]
    orders = parse_schema(context, "sqlite").tables["order"]
    assert orders.primary_key == ("order_id",)
    assert [(key.columns, key.table, key.referenced) for key in orders.foreign_keys] == [
        (("loaf_id",), "loaf", ("loaf_id",))
    ]
    assert '"ordered at" TEXT' in context and 'CREATE TABLE "Order"' in context
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(context)


def test_a_key_of_two_columns_in_index_form() -> None:
    schema = {
        "table_names_original": ["t"],
        "column_names_original": [[-1, "*"], [0, "a"], [0, "b"]],
        "column_types": ["text", "number", "text"],
        "primary_keys": [[1, 2]],
        "foreign_keys": [],
    }
    assert ddl(schema, "mysql") == "CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (a, b));"


def test_spiders_database_gives_the_real_types_where_it_is_there(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED / "spider", tmp_path / "spider")
    database = tmp_path / "spider" / "database" / "bakery" / "bakery.sqlite"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE Loaf (Loaf_ID INTEGER PRIMARY KEY, Name VARCHAR(20), Price DECIMAL(6,2))")
    before = database.read_bytes()
    contexts = set(rows_of("spider", tmp_path / "spider")["context"])
    assert contexts == {"CREATE TABLE Loaf (Loaf_ID INTEGER PRIMARY KEY, Name VARCHAR(20), Price DECIMAL(6,2));"}
    assert database.read_bytes() == before
    database.write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match=r"bakery\.sqlite: not a SQLite database"):
        rows_of("spider", tmp_path / "spider")


def test_aihubs_decomposed_names_are_composed() -> None:
    assert any(path.name != unicodedata.normalize("NFC", path.name) for path in (PUBLISHED / "aihub").rglob("*"))
    rows = rows_of("aihub")
    assert set(rows["domain"]) == {"교통"}
    for column in ("db_id", "context", "question", "answer", "domain"):
        assert (rows[column] == rows[column].str.normalize("NFC")).all()
    assert all(sqlglot.parse(context, read="sqlite") for context in rows["context"])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_file_behind_a_url_is_read_like_one_on_disk(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{suffix}"
    match suffix:
        case "csv":
            TABLE.to_csv(path, index=False)
        case "jsonl":
            TABLE.to_json(path, orient="records", lines=True, force_ascii=False)
        case _:
            TABLE.to_parquet(path)
    with fsspec.open(f"memory://somewhere/rows.{suffix}", "wb") as stream:
        stream.write(path.read_bytes())
    here, there = rows_of("rows", path), rows_of("rows", f"memory://somewhere/rows.{suffix}")
    pd.testing.assert_frame_equal(here, there)
    assert here["dialect"].tolist() == ["sqlite", "mysql"]
    with pytest.raises(InputError, match=r"memory://somewhere/none\.csv: no such file"):
        rows_of("rows", "memory://somewhere/none.csv")


def test_a_url_of_an_unknown_kind_is_told() -> None:
    with pytest.raises(InputError, match=r"gopher://rows\.csv: cannot be opened: Protocol not known"):
        rows_of("rows", "gopher://rows.csv")


def test_a_table_of_a_database_is_a_source(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    TABLE.to_sql("pairs", create_engine(url), index=False)
    rows = rows_of("sql_table", "", url=url, table="pairs")
    assert rows.index.tolist() == ["pairs:1", "pairs:2"]
    assert rows[["db_id", "dialect", "language"]].values.tolist() == [["7", "sqlite", "en"], ["8", "mysql", "ko"]]
    TABLE.drop(columns="answer").to_sql("half", create_engine(url), index=False)
    wrong = {
        "missing column answer": {"url": url, "table": "half"},
        "no table 'none'": {"url": url, "table": "none"},
        "must not hold a password": {"url": "mysql+pymysql://me:secret@127.0.0.1/x", "table": "t"},
        "names T2S_NO_SUCH": {"url": url, "table": "pairs", "password_env": "T2S_NO_SUCH"},
        "cannot be read": {"url": "nosuchdb://x", "table": "t"},
    }
    for told, settings in wrong.items():
        with pytest.raises(InputError, match=told) as error:
            check_sources(config_of("sql_table", "", **settings))
        assert "secret" not in str(error.value) and "\n" not in str(error.value)


def test_several_sources_are_joined_and_keep_their_rows_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        TABLE.to_csv(tmp_path / folder / "rows.csv", index=False)
    files = [{"kind": "rows", "path": str(tmp_path / folder / "rows.csv")} for folder in ("a", "b")]
    with pytest.raises(InputError, match=r"the db_id '7' is in rows\.csv and in rows\.csv#2; give one.*db_prefix"):
        check_sources(DataConfig(sources=files))
    files[1]["db_prefix"] = "b-"
    rows = read_rows(DataConfig(sources=[*files, {"kind": "bundled", "db_prefix": "bundled-"}]))
    assert rows.index[:4].tolist() == ["rows.csv:2", "rows.csv:3", "rows.csv#2:2", "rows.csv#2:3"]
    assert rows["db_id"][:4].tolist() == ["7", "8", "b-7", "b-8"]
    assert set(rows["source"]) == {"rows.csv", "rows.csv#2", "bundled"}


def broken(tmp_path: Path, kind: str, file: str, content: str) -> Path:
    """A copy of a published set in which one file holds something else."""
    folder = tmp_path / kind
    shutil.copytree(PUBLISHED / kind, folder)
    found = list(folder.rglob(unicodedata.normalize("NFD", file)))
    assert found
    for path in found:
        path.write_text(content, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("kind", "file", "content", "told"),
    [
        ("spider", "tables.json", "[{", "tables.json: not JSON"),
        ("spider", "tables.json", "{}", "tables.json: expected a list of JSON objects"),
        ("spider", "tables.json", '[{"db_id": "bakery"}]', "schema 'bakery': KeyError"),
        ("spider", "dev.json", '[{"db_id": "moon"}]', "dev.json: example 1: no schema 'moon'"),
        ("wikisql", "train.jsonl", '{"table_id": "9-9-9"}', "train.jsonl:1: no table '9-9-9'"),
        ("wikisql", "dev.jsonl", '{"table_id": "2-815-3", "sql": {"sel": 9, "agg": 0, "conds": []}}', "IndexError"),
        ("wikisql", "dev.jsonl", '{"table_id": "2-815-3", "sql": {"sel": -1, "agg": 0, "conds": []}}', "IndexError"),
        ("wikisql", "dev.jsonl", '{"table_id": "2-815-3"}', "dev.jsonl:1: not a WikiSQL row: KeyError"),
        ("aihub", "TEXT_NL2SQL_label_seouldata_교통.json", '{"rows": []}', "a list of objects under 'data'"),
        ("aihub", "TEXT_NL2SQL_label_seouldata_교통.json", '{"data": [{"db_id": "x"}]}', "no schema 'x'"),
        ("ko_text2sql", "train.jsonl", '{"db_id": 1, "context": "a"}\n', "data set: Couldn't cast db_id"),
        ("sql_create_context", "sql_create_context.json", '[{"question": "a"}]', "missing columns context, answer"),
        ("ko_text2sql", "train.jsonl", "no JSON\n", "cannot be loaded as a data set"),
    ],
)
def test_a_broken_set_is_told_in_one_line(tmp_path: Path, kind: str, file: str, content: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        check_sources(config_of(kind, broken(tmp_path, kind, file, content)))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_folder_is_told(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        check_sources(config_of(kind, tmp_path))
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_kind_or_key_of_a_source_is_told_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown key 'sources\.0\.rows\.pth'; did you mean 'path'\? known keys: "):
        DataConfig.read({"sources": [{"kind": "rows", "path": "x.csv", "pth": "y"}]}, "mine.yaml")
    with pytest.raises(InputError, match=r"expected tags: 'bundled', 'rows', 'sql_table'"):
        DataConfig.read({"sources": [{"kind": "excel"}]}, "mine.yaml")
    with pytest.raises(InputError, match="expected at least one source"):
        DataConfig.read({"sources": []}, "mine.yaml")
