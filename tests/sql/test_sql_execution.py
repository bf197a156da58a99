"""The comparer: equal rewrites pass, wrong queries do not, hostile ones end with a reason and the run goes on."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

import pandas as pd
import pytest

from tasks.sql.config import SqlConfig
from tasks.sql.execution import compare

DDL = """
CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, level INT, joined DATE, guild_id INT,
  FOREIGN KEY (guild_id) REFERENCES guilds(id));
CREATE TABLE guilds (id INT PRIMARY KEY, title VARCHAR(50) NOT NULL UNIQUE, region VARCHAR(20));
CREATE TABLE scores (player_id INT, quest VARCHAR(30), points DECIMAL(8,2), done DATETIME,
  PRIMARY KEY (player_id, quest), FOREIGN KEY (player_id) REFERENCES players(id));
"""
FILTER = "SELECT name FROM players WHERE level > 10 AND joined >= '2023-01-01'"
JOIN = "SELECT g.title, COUNT(*) FROM guilds g JOIN players p ON p.guild_id = g.id GROUP BY g.id, g.title"
HAVING = "SELECT guild_id FROM players GROUP BY guild_id HAVING COUNT(*) > 3"
TOP = "SELECT name, level FROM players WHERE level IS NOT NULL ORDER BY level DESC, id LIMIT 3"
LEFT = "SELECT p.name, s.quest FROM players p LEFT JOIN scores s ON s.player_id = p.id"
SUM = "SELECT p.name, SUM(s.points) FROM players p JOIN scores s ON p.id = s.player_id WHERE s.quest <> 'Dragon' GROUP BY p.id, p.name"
NESTED = "SELECT name FROM players WHERE level > (SELECT AVG(level) FROM players)"
DISTINCT = "SELECT DISTINCT region FROM guilds"
LIKE = "SELECT name FROM players WHERE name LIKE 'kim%'"
YEAR = "SELECT COUNT(*) FROM players WHERE YEAR(joined) = 2023"
ABSENT = "SELECT title FROM guilds WHERE id NOT IN (SELECT guild_id FROM players WHERE guild_id IS NOT NULL)"
BETWEEN = "SELECT quest FROM scores WHERE points BETWEEN 10 AND 20"

EQUAL = [
    (FILTER, "select p.name from players as p where p.joined >= '2023-01-01' and 10 < p.level;"),
    (FILTER, "SELECT name FROM players WHERE NOT (level <= 10) AND joined > '2022-12-31'"),
    (JOIN, "SELECT title, COUNT(p.id) FROM players p, guilds WHERE guilds.id = p.guild_id GROUP BY title"),
    (HAVING, "SELECT guild_id FROM players GROUP BY guild_id HAVING COUNT(id) >= 4"),
    (TOP, "SELECT name, level FROM players WHERE NOT level IS NULL ORDER BY level DESC, id ASC LIMIT 0, 3"),
    (LEFT, "SELECT p.name, s.quest FROM scores s RIGHT JOIN players p ON p.id = s.player_id"),
    (
        SUM,
        "SELECT p.name, SUM(points) FROM scores JOIN players p ON p.id = player_id WHERE LOWER(quest) != 'dragon' GROUP BY p.id",
    ),
    (NESTED, "WITH a AS (SELECT AVG(level) AS m FROM players) SELECT name FROM players, a WHERE level > m"),
    (DISTINCT, "SELECT region FROM guilds GROUP BY region"),
    (LIKE, "SELECT name FROM players WHERE LEFT(name, 3) = 'KIM'"),
    (YEAR, "SELECT COUNT(id) FROM players WHERE joined BETWEEN '2023-01-01' AND '2023-12-31'"),
    (ABSENT, "SELECT g.title FROM guilds g LEFT JOIN players p ON p.guild_id = g.id WHERE p.id IS NULL"),
    (BETWEEN, "SELECT quest FROM scores WHERE points >= 10 AND points <= 20"),
]
WRONG = [
    (FILTER, "SELECT name FROM players WHERE level >= 10 AND joined >= '2023-01-01'"),
    (FILTER, "SELECT name FROM players WHERE level > 10 AND joined > '2023-01-01'"),
    (FILTER, "SELECT name FROM players WHERE level > 10"),
    (FILTER, "SELECT name FROM players"),
    (FILTER, "SELECT name FROM players WHERE level > 10 OR joined >= '2023-01-01'"),
    (FILTER, "SELECT id FROM players WHERE level > 10 AND joined >= '2023-01-01'"),
    (FILTER, "SELECT DISTINCT name FROM players WHERE level > 10 AND joined >= '2023-01-01'"),
    (FILTER, "SELECT name, level FROM players WHERE level > 10 AND joined >= '2023-01-01'"),
    (FILTER, "SELECT name FROM players WHERE level > 11 AND joined >= '2023-01-01'"),
    (JOIN, "SELECT g.title, COUNT(*) FROM guilds g LEFT JOIN players p ON p.guild_id = g.id GROUP BY g.id, g.title"),
    (JOIN, "SELECT g.title, COUNT(*) FROM guilds g JOIN players p ON p.id = g.id GROUP BY g.id, g.title"),
    (JOIN, "SELECT g.title, COUNT(DISTINCT p.name) FROM guilds g JOIN players p ON p.guild_id = g.id GROUP BY g.title"),
    (JOIN, "SELECT g.title, SUM(p.level) FROM guilds g JOIN players p ON p.guild_id = g.id GROUP BY g.title"),
    (HAVING, "SELECT guild_id FROM players GROUP BY guild_id HAVING COUNT(*) >= 3"),
    (HAVING, "SELECT guild_id FROM players GROUP BY guild_id HAVING COUNT(*) > 4"),
    (HAVING, "SELECT guild_id FROM players WHERE guild_id IS NOT NULL GROUP BY guild_id HAVING COUNT(*) > 3 OR COUNT(*) = 1"),
    (TOP, "SELECT name, level FROM players WHERE level IS NOT NULL ORDER BY level, id LIMIT 3"),
    (TOP, "SELECT name, level FROM players WHERE level IS NOT NULL ORDER BY level DESC, id LIMIT 4"),
    (TOP, "SELECT name, level FROM players WHERE level IS NOT NULL ORDER BY level DESC LIMIT 3"),
    (LEFT, "SELECT p.name, s.quest FROM players p JOIN scores s ON s.player_id = p.id"),
    (SUM, "SELECT p.name, AVG(s.points) FROM players p JOIN scores s ON p.id = s.player_id WHERE s.quest <> 'Dragon' GROUP BY p.id"),
    (SUM, "SELECT p.name, SUM(s.points) FROM players p JOIN scores s ON p.id = s.player_id GROUP BY p.id"),
    (NESTED, "SELECT name FROM players WHERE level >= (SELECT AVG(level) FROM players)"),
    (NESTED, "SELECT name FROM players WHERE level > (SELECT MIN(level) FROM players)"),
    (DISTINCT, "SELECT region FROM guilds"),
    (LIKE, "SELECT name FROM players WHERE name LIKE '%kim%'"),
    (LIKE, "SELECT name FROM players WHERE name = 'kim'"),
    (YEAR, "SELECT COUNT(*) FROM players WHERE YEAR(joined) >= 2023"),
    (YEAR, "SELECT COUNT(*) FROM players WHERE YEAR(joined) = 2022"),
    (ABSENT, "SELECT title FROM guilds WHERE id IN (SELECT guild_id FROM players WHERE guild_id IS NOT NULL)"),
    (ABSENT, "SELECT title FROM guilds WHERE id NOT IN (SELECT guild_id FROM players)"),
    (BETWEEN, "SELECT quest FROM scores WHERE points > 10 AND points < 20"),
]  # fmt: skip


def judged(pairs: list[tuple[str, str]], ddl: str = DDL, config: SqlConfig | None = None) -> pd.DataFrame:
    rows = pd.DataFrame(pairs, columns=["gold", "prediction"]).assign(context=ddl)
    rows["example_id"] = [f"{i:016x}" for i in range(len(rows))]
    return compare(rows, "mysql", config or SqlConfig())


def test_equal_rewrites_are_accepted() -> None:
    found = judged(EQUAL)
    bad = found[found.outcome != "equal"]
    assert bad.empty, "\n".join(f"{EQUAL[i]}: {r.reason}\n{r.counterexample}" for i, r in bad.iterrows())


def test_wrong_queries_are_told_apart_with_a_counterexample() -> None:
    found = judged(WRONG)
    missed = found[found.outcome != "different"]
    assert missed.empty, "\n".join(f"{WRONG[i]}: {r.outcome} {r.reason}" for i, r in missed.iterrows())
    rows = found.assign(gold=[gold for gold, _ in WRONG])[found.reason.str.startswith("wrong rows")]
    assert len(rows) == len(WRONG) - 1
    assert rows.counterexample.str.len().between(40, 1_500).all()
    assert rows.counterexample.str.contains("gold answer").all()
    sizes = rows.counterexample.str.findall(r"`\w+` \((\d+) rows\)").map(lambda found: sum(map(int, found)))
    first_two = rows.groupby("gold").cumcount() < 2
    assert sizes[first_two].median() <= 3  # a reader sees the difference at a glance
    assert sizes[first_two].max() <= 12


def test_column_order_and_digits_are_settings() -> None:
    turned = (LEFT, "SELECT s.quest, p.name FROM players p LEFT JOIN scores s ON s.player_id = p.id")
    wrong = (LEFT, "SELECT s.quest, g.title FROM players p LEFT JOIN scores s ON s.player_id = p.id, guilds g")
    mean = ("SELECT AVG(level) FROM players", "SELECT AVG(level) * 1.0000001 FROM players")
    assert judged([turned, wrong, mean]).outcome.tolist() == ["different"] * 3
    loose = SqlConfig(any_column_order=True, significant_digits=4)
    assert judged([turned, wrong, mean], config=loose).outcome.tolist() == ["equal", "different", "equal"]


BROKEN = [
    ("", "invalid", "no answer"),
    (" ;\n", "invalid", "no answer"),
    ("SELECT nope FROM players", "invalid", "unknown column: nope"),
    ("SELECT `nope` FROM players", "invalid", "unknown column: nope"),
    ("SELECT players.nope FROM players", "invalid", "unknown column: nope"),
    ("SELECT name FROM nowhere", "invalid", "unknown table: nowhere"),
    ("SELECT name FROM mysql.user", "invalid", "unknown table: mysql.user"),
    ("SELECT name FROM sqlite_master", "invalid", "unknown table: sqlite_master"),
    ("SELEC name FROM players", "invalid", "syntax error"),
    ("I think the answer is 42", "invalid", "syntax error"),
    ("SELECT name FROM players; SELECT 1", "invalid", "not one read-only query"),
    ("DROP TABLE players", "invalid", "not one read-only query"),
    ("DELETE FROM players", "invalid", "not one read-only query"),
    ("WITH x AS (DELETE FROM players) SELECT 1", "invalid", "not one read-only query"),
    ("ATTACH DATABASE '/tmp/x' AS y", "invalid", "syntax error"),
    ("PRAGMA table_info(players)", "invalid", "not one read-only query"),
    ("SELECT name FROM players INTO OUTFILE '/tmp/x'", "invalid", "syntax error"),
    ("SELECT load_extension('x')", "unsupported", "unsupported: function LOAD_EXTENSION"),
    ("SELECT printf('%.*c', 900000000, 'x')", "invalid", "syntax error: MySQL has no function PRINTF"),
    ("SELECT zeroblob(1000000000)", "unsupported", "unsupported"),
    ("SELECT REPEAT('x', 1000000000) FROM players", "invalid", "fails on some rows"),
    ("SELECT name FROM players WHERE guild_id = (SELECT id FROM guilds)", "invalid", "fails on some rows"),
    ("WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT k FROM n", "invalid", "too slow"),
    ("WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT COUNT(*) FROM n", "invalid", "too slow"),
    ("SELECT COUNT(*) FROM " + ", ".join(f"scores s{i}" for i in range(14)), None, ""),
    ("SELECT s0.quest FROM " + ", ".join(f"scores s{i}" for i in range(6)), None, ""),
    ("SELECT name FROM players\0", "invalid", "syntax error: NUL character"),
    ("SELECT '" + "x" * 1_000_000 + "'", "invalid", "syntax error: longer than"),
    ("SELECT " + "(" * 500 + "1" + ")" * 500, "invalid", "syntax error: nested"),
    ("SELECT " + "-" * 0 + "1 + " * 900 + "1 FROM players", None, ""),
    ("SELECT name FROM players WHERE " + "NOT " * 1_500 + "1", None, ""),
    ("SELECT 1" + " UNION SELECT 1" * 600, None, ""),
    ("SELECT name FROM players WHERE name LIKE '" + "%a" * 400 + "'", None, ""),
]  # fmt: skip


def test_hostile_and_broken_predictions() -> None:
    found = judged(
        [(FILTER, p) for case in BROKEN for p in (case[0], EQUAL[0][1])], config=SqlConfig(query_timeout_s=0.4)
    )
    for i, (prediction, outcome, reason) in enumerate(BROKEN):
        line, after = found.iloc[2 * i], found.iloc[2 * i + 1]
        assert line.outcome in ((outcome,) if outcome else ("invalid", "unsupported", "different")), prediction
        assert line.reason.startswith(reason), prediction
        assert line.reason, prediction
        assert after.outcome == "equal", prediction  # the run goes on


@pytest.mark.parametrize(
    ("gold", "outcome", "reason"),
    [
        ("SELECT nope FROM players", "undecided", "gold fails: unknown column: nope"),
        ("not sql", "undecided", "gold fails: syntax error"),
        ("SELECT name FROM players WHERE 1 = 0", "undecided", "gold returns no rows"),
        ("SELECT name, MAX(level) FROM players", "undecided", "gold fails: syntax error: name is neither"),
        ("SELECT title FROM guilds LIMIT 1", "undecided", "gold answers"),
        ("SELECT UUID() FROM players", "unsupported", "gold: unsupported"),
    ],
)
def test_gold_that_decides_nothing(gold: str, outcome: str, reason: str) -> None:
    found = judged([(gold, "SELECT name FROM players")])
    assert found.outcome[0] == outcome
    assert found.reason[0].startswith(reason)


def test_other_dialects_are_not_guessed_at() -> None:
    rows = pd.DataFrame({"example_id": ["a"], "context": [DDL], "gold": [FILTER], "prediction": [FILTER + " LIMIT 1"]})
    found = compare(rows, "oracle", SqlConfig())
    assert found.outcome[0] == "unsupported"
    assert "execution of oracle queries" in found.reason[0]


@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
def test_other_dialects_are_compared_by_their_own_rules(dialect: str) -> None:
    pairs = [
        (FILTER, "SELECT name FROM players WHERE NOT (level <= 10) AND joined > '2022-12-31'", "equal"),
        (FILTER, "SELECT name FROM players WHERE level >= 10 AND joined >= '2023-01-01'", "different"),
        ("SELECT level / 2 FROM players", "SELECT FLOOR(level / 2.0) FROM players", "equal"),
        ("SELECT level / 2 FROM players", "SELECT level / 2.0 FROM players", "different"),
        ("SELECT region FROM guilds WHERE region = 'eu'", "SELECT region FROM guilds WHERE LOWER(region) = 'eu'", "different"),
        ("SELECT guild_id, COUNT(*) FROM players GROUP BY guild_id", "SELECT guild_id, COUNT(id) FROM players GROUP BY 1", "equal"),
    ]  # fmt: skip
    rows = pd.DataFrame(pairs, columns=["gold", "prediction", "outcome"]).assign(context=DDL)
    rows["example_id"] = [f"{i:016x}" for i in range(len(rows))]
    found = compare(rows, dialect, SqlConfig(databases=8))
    assert found.outcome.tolist() == rows.outcome.tolist(), found.to_string()


def test_progress_index_and_missing_values() -> None:
    rows = pd.DataFrame(
        {"example_id": ["a", "b"], "context": [DDL, DDL], "gold": [FILTER, FILTER], "prediction": [FILTER + ";", None]},
        index=[7, 3],
    )
    heard: list[tuple[int, int, str]] = []
    found = compare(rows, "mysql", SqlConfig(databases=2), lambda *told: heard.append(told))
    assert found.index.tolist() == [7, 3]
    assert found.outcome.tolist() == ["equal", "invalid"]
    assert heard[0] == (0, 2, "rows")
    assert heard[-1] == (2, 2, "rows")
