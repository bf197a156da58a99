"""Generated databases: they respect the schema, gold queries find rows, and they are the same everywhere."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import resolve
from tasks.sql.equivalence import prepare_gold
from tasks.sql.functions import fold, moment
from tasks.sql.schema import parse_schema

DDL = """
CREATE TABLE authors (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(12) NOT NULL UNIQUE, born DATE, mentor_id INT,
  country ENUM('KR','US'), FOREIGN KEY (mentor_id) REFERENCES authors(id));
CREATE TABLE books (isbn CHAR(6) PRIMARY KEY, author_id INT NOT NULL, title VARCHAR(80) NOT NULL, price DECIMAL(5,2),
  pages SMALLINT UNSIGNED, sold BOOLEAN, published DATETIME, FOREIGN KEY (author_id) REFERENCES authors(id));
CREATE TABLE loans (book VARCHAR(6), reader INT, day DATE NOT NULL, PRIMARY KEY (book, reader),
  FOREIGN KEY (book) REFERENCES books(isbn));
"""
GOLDS = [
    "SELECT name FROM authors WHERE born > '1990-05-05' AND country = 'KR'",
    "SELECT a.name, COUNT(*) FROM authors a JOIN books b ON b.author_id = a.id GROUP BY a.id, a.name HAVING COUNT(*) > 4",
    "SELECT title FROM books WHERE price BETWEEN 10 AND 20 AND sold = TRUE AND title LIKE '%War_and%'",
    "SELECT a.name FROM authors a JOIN books b ON a.id = b.author_id JOIN loans l ON l.book = b.isbn WHERE l.day >= '2024-01-01' AND b.pages > 300",
    "SELECT author_id, SUM(price) FROM books GROUP BY author_id HAVING SUM(price) > 500",
    "SELECT title FROM books WHERE YEAR(published) = 2021 AND MONTH(published) = 11",
    "SELECT m.name FROM authors a JOIN authors m ON a.mentor_id = m.id WHERE a.name = 'Kim'",
    "SELECT title FROM books WHERE price = (SELECT MAX(price) FROM books WHERE sold = 0)",
    "SELECT name FROM authors WHERE id = 7",
    "SELECT day, COUNT(*) FROM loans WHERE day > DATE_SUB(CURDATE(), INTERVAL 7 DAY) GROUP BY day",
    "SELECT name FROM authors WHERE id IN (SELECT author_id FROM books WHERE title = 'It' OR pages < 50) ORDER BY name LIMIT 12",
    "SELECT reader FROM loans GROUP BY reader HAVING COUNT(DISTINCT book) >= 3",
    "SELECT COUNT(*) FROM books WHERE published >= '2023-03-01 12:00:00' AND published < '2023-03-02'",
    "SELECT a.name FROM authors a WHERE NOT EXISTS (SELECT 1 FROM books b WHERE b.author_id = a.id AND b.price > 50)",
    "SELECT country, AVG(price) AS p FROM authors JOIN books ON authors.id = author_id GROUP BY country HAVING p > 30",
]  # fmt: skip


@pytest.mark.parametrize("gold", GOLDS)
def test_rows_meet_the_schema(gold: str) -> None:
    schema = parse_schema(DDL, "mysql")
    for rows in generate(schema, resolve(gold, schema, "mysql"), SqlConfig()):
        for table in schema.tables.values():
            names = list(table.columns)
            made = [dict(zip(names, row, strict=True)) for row in rows[table.name]]
            for key in table.unique:
                values = [tuple(fold(str(r[c])) for c in key) for r in made if None not in [r[c] for c in key]]
                assert len(values) == len(set(values))
            for column in table.columns.values():
                cells = [r[column.name] for r in made]
                assert column.nullable or None not in cells
                texts = [c for c in cells if isinstance(c, str)]
                assert all(column.length is None or len(t) <= column.length for t in texts)
                assert all(moment(t) for t in texts) or column.family == "text"
                assert all(t in column.values for t in texts) or not column.values
            for foreign in table.foreign_keys:
                target = list(schema.tables[foreign.table].columns).index(foreign.referenced[0])
                known = {row[target] for row in rows[foreign.table]} | {None}
                assert {r[foreign.columns[0]] for r in made} <= known


@pytest.mark.parametrize("gold", GOLDS)
def test_gold_finds_rows_and_not_always_the_same_number(gold: str) -> None:
    prepared = prepare_gold(DDL, gold, "mysql", SqlConfig())
    assert prepared.refusal is None
    counts = [len(t.answer) for t in prepared.trials]
    prepared.close()
    assert sum(map(bool, counts)) >= 4
    assert len(counts) >= 10


def test_large_counts_are_reached() -> None:
    gold = "SELECT author_id FROM books GROUP BY author_id HAVING COUNT(*) > 60"
    prepared = prepare_gold(DDL, gold, "mysql", SqlConfig())
    assert any(t.answer for t in prepared.trials)
    prepared.close()


def test_some_database_has_an_empty_table_and_nulls_and_ties() -> None:
    schema = parse_schema(DDL, "mysql")
    made = list(generate(schema, resolve(GOLDS[1], schema, "mysql"), SqlConfig()))
    assert len(made) == 20
    assert not made[-1]["books"] or not made[-1]["authors"]
    prices = [row[3] for rows in made for row in rows["books"]]
    assert None in prices
    assert all(len({row[4] for row in rows["books"]}) < len(rows["books"]) for rows in made[:5])


SCRIPT = """
import hashlib
from tasks.sql.config import SqlConfig
from tasks.sql.equivalence import prepare_gold
from tests_golds import DDL, GOLDS
digest = hashlib.sha256()
for gold in GOLDS:
    for trial in prepare_gold(DDL, gold, "mysql", SqlConfig(databases=5)).trials:
        digest.update(repr((trial.rows, trial.answer)).encode())
print(digest.hexdigest())
"""


def test_same_databases_under_another_hash_seed(tmp_path: object) -> None:
    digests = set()
    script = SCRIPT.replace("from tests_golds import DDL, GOLDS", f"DDL = {DDL!r}\nGOLDS = {GOLDS!r}")
    for seed in ("0", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1
