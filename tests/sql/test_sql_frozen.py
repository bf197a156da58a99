"""Frozen databases: the same bytes for every model, and the same verdicts as on databases made on the way."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import translate
from tasks.sql.execution import compare, freeze
from tasks.sql.frozen import packed, unpacked
from tasks.sql.schema import parse_schema

DDL = """
CREATE TABLE shops (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, city VARCHAR(20), rent DECIMAL(8,2), opened DATE);
CREATE TABLE sales (id INT PRIMARY KEY, shop_id INT, amount INT, at DATETIME,
  FOREIGN KEY (shop_id) REFERENCES shops(id));
"""
GOLD = "SELECT s.name, COUNT(*) FROM shops s JOIN sales a ON a.shop_id = s.id WHERE s.rent > 9.5 GROUP BY s.id, s.name"
OTHER = "SELECT name FROM shops WHERE city = '서울' AND opened >= '2024-01-01'"
PAIRS = [
    (GOLD, GOLD.replace("COUNT(*)", "COUNT(a.id)")),
    (GOLD, GOLD.replace("JOIN", "LEFT JOIN")),
    (OTHER, OTHER.replace(">=", ">")),
    (OTHER, "SELECT nope FROM shops"),
    ("SELECT broken FROM shops", OTHER),
]
CONFIG = SqlConfig(databases=6)


@pytest.fixture
def rows() -> pd.DataFrame:
    table = pd.DataFrame(PAIRS, columns=["gold", "prediction"]).assign(context=DDL, dialect="mysql")
    return table.assign(example_id=[f"{i:016x}" for i in range(len(table))])


def test_what_is_packed_comes_back() -> None:
    schema = parse_schema(DDL, "mysql")
    made = list(generate(schema, translate(OTHER, schema, "mysql").source, CONFIG))
    assert any(isinstance(cell, float) for rows in made for row in rows["shops"] for cell in row)
    assert unpacked(packed(made)) == made
    assert packed(made) == packed(unpacked(packed(made)))


def test_frozen_databases_give_the_verdicts_of_those_made_on_the_way(rows: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    counts = freeze(rows, CONFIG, tmp_path / "a", processes=1)
    assert (counts["schemas"], counts["gold_queries"], counts["databases"]) == (1, 3, 12)  # one gold is refused
    freeze(rows.iloc[::-1], CONFIG, tmp_path / "b", processes=2)
    files = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    made = compare(rows, "mysql", CONFIG, processes=1)
    read = compare(rows, "mysql", CONFIG, processes=1, databases=tmp_path / "a")
    pd.testing.assert_frame_equal(made, read)
    assert read.outcome.tolist() == ["equal", "different", "different", "invalid", "undecided"]


def test_the_frozen_rows_are_the_ones_that_decide(rows: pd.DataFrame, tmp_path: Path) -> None:
    freeze(rows, CONFIG, tmp_path, processes=1)
    empty = {"shops": [], "sales": []}
    for file in tmp_path.iterdir():
        file.write_bytes(packed([empty]))
    found = compare(rows, "mysql", CONFIG, processes=1, databases=tmp_path)
    assert found.outcome.tolist() == ["undecided"] * 5


def test_a_gold_query_without_databases_is_named(rows: pd.DataFrame, tmp_path: Path) -> None:
    freeze(rows.iloc[:2], CONFIG, tmp_path, processes=1)
    with pytest.raises(InputError, match="no databases for the mysql query"):
        compare(rows, "mysql", CONFIG, databases=tmp_path)
