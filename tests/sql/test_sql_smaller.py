"""Counterexamples made smaller: what shows the difference stays, and foreign keys hold."""

from __future__ import annotations

from tasks.sql.databases import Rows
from tasks.sql.schema import parse_schema
from tasks.sql.smaller import smallest

SCHEMA = parse_schema(
    "CREATE TABLE a (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES a(id));"
    "CREATE TABLE b (a_id INT, n INT, FOREIGN KEY (a_id) REFERENCES a(id));",
    "mysql",
)
ROWS: Rows = {
    "a": [(i, i - 1 if i else None) for i in range(20)],
    "b": [(i % 20, i) for i in range(50)],
}


def keys_hold(rows: Rows) -> bool:
    known = {row[0] for row in rows["a"]} | {None}
    return all(row[1] in known for row in rows["a"]) and all(row[0] in known for row in rows["b"])


def test_only_what_shows_the_difference_is_left() -> None:
    asked: list[Rows] = []

    def shows(rows: Rows) -> bool:
        asked.append(rows)
        return any(row[1] == 43 for row in rows["b"])

    left = smallest(SCHEMA, ROWS, ["a", "b"], shows, tries=200)
    assert left["b"] == [(3, 43)]
    assert left["a"] == [(0, None), (1, 0), (2, 1), (3, 2)]  # the row it refers to, and those that one refers to
    assert all(keys_hold(rows) for rows in asked)


def test_no_more_tries_than_allowed() -> None:
    asked: list[Rows] = []
    left = smallest(SCHEMA, ROWS, ["b"], lambda rows: bool(asked.append(rows)) or len(rows["b"]) >= 5, tries=7)
    assert len(asked) == 7
    assert 5 <= len(left["b"]) < 50
    assert smallest(SCHEMA, ROWS, ["b"], lambda rows: True, tries=0) == ROWS
