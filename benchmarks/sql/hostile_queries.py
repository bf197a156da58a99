"""Queries that a model could write, by accident or led to it, and that harm whoever runs them without care."""

# ruff: noqa: E501  (queries read best on one line)
from __future__ import annotations

DDL = """
CREATE TABLE guilds (id INT PRIMARY KEY, title VARCHAR(50) NOT NULL UNIQUE, region VARCHAR(20));
CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, level INT, joined DATE, guild_id INT,
  FOREIGN KEY (guild_id) REFERENCES guilds(id));
CREATE TABLE scores (player_id INT, quest VARCHAR(30), points DECIMAL(8,2), done TIMESTAMP,
  PRIMARY KEY (player_id, quest), FOREIGN KEY (player_id) REFERENCES players(id));
"""
GOLD = "SELECT name FROM players WHERE level > 10 AND joined >= '2023-01-01'"
GOOD = "SELECT p.name FROM players AS p WHERE p.joined >= '2023-01-01' AND 10 < p.level"

_HUNDRED = " UNION ALL ".join("SELECT 1" for _ in range(100))
_DIGITS = "(SELECT 0 AS d" + "".join(f" UNION ALL SELECT {i}" for i in range(1, 10)) + ")"


def _crossed(table: str, count: int) -> str:
    return ", ".join(f"{table} s{i}" for i in range(count))


def _doubling(steps: int) -> str:
    """CTEs, each of which is the one before twice: 2^steps rows or columns."""
    steps_ = ["c0 AS (SELECT name FROM players)"]
    steps_ += [f"c{i} AS (SELECT a.name FROM c{i - 1} a, c{i - 1} b)" for i in range(1, steps)]
    return f"WITH {', '.join(steps_)} SELECT COUNT(*) FROM c{steps - 1}"


def _widening(steps: int) -> str:
    """The same with stars: 2^steps columns."""
    steps_ = ["c0 AS (SELECT * FROM players)"]
    steps_ += [f"c{i} AS (SELECT * FROM c{i - 1} a, c{i - 1} b)" for i in range(1, steps)]
    return f"WITH {', '.join(steps_)} SELECT * FROM c{steps - 1}"


def _nested(opening: str, inner: str, closing: str, depth: int) -> str:
    return opening * depth + inner + closing * depth


ENDLESS = [
    "WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT k FROM n",
    "WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT COUNT(*) FROM n",
    "WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT name FROM players WHERE level = (SELECT MAX(k) FROM n)",
    "WITH RECURSIVE n AS (SELECT 1 AS k UNION SELECT k * 2 FROM n) SELECT MAX(k) FROM n ORDER BY 1",
    "WITH RECURSIVE n AS (SELECT id FROM players UNION ALL SELECT p.id FROM players p, n) SELECT COUNT(*) FROM n",
    "WITH RECURSIVE n (k) AS (SELECT 'x' UNION ALL SELECT CONCAT(k, k) FROM n) SELECT MAX(k) FROM n",
    "WITH RECURSIVE a AS (SELECT 1 AS k UNION ALL SELECT k FROM a) SELECT DISTINCT k FROM a",
    "WITH RECURSIVE a AS (SELECT 1 AS k UNION ALL SELECT k FROM a) SELECT k FROM a LIMIT 5 OFFSET 9000000000",
    "SELECT name FROM players WHERE EXISTS (WITH RECURSIVE n AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM n) SELECT 1 FROM n WHERE k < 0)",
]
CROSS_JOINS = [
    f"SELECT COUNT(*) FROM {_crossed('scores', 5)}",
    f"SELECT COUNT(*) FROM {_crossed('scores', 14)}",
    f"SELECT s0.quest FROM {_crossed('scores', 6)}",
    f"SELECT COUNT(*) FROM {_crossed('scores', 80)}",
    f"SELECT DISTINCT s0.quest, s1.quest, s2.quest, s3.quest FROM {_crossed('scores', 4)}",
    f"SELECT s0.quest FROM {_crossed('scores', 5)} ORDER BY s4.points, s3.points, s2.points",
    f"SELECT s0.quest, COUNT(DISTINCT s1.quest), SUM(s4.points) FROM {_crossed('scores', 5)} GROUP BY s0.quest",
    f"SELECT MAX(s0.points + s1.points * s2.points) FROM {_crossed('scores', 7)}",
    f"SELECT 1 FROM {_crossed('players', 6)} WHERE s0.name LIKE CONCAT('%', s1.name, '%', s2.name, '%')",
    "SELECT COUNT(*) FROM " + " JOIN ".join(f"players p{i}" for i in range(12)),
    "SELECT COUNT(*) FROM players p0"
    + "".join(f" LEFT JOIN players p{i} ON p{i}.level <> p0.level" for i in range(1, 12)),
    "SELECT p0.id FROM players p0"
    + "".join(f" LEFT JOIN scores p{i} ON p{i}.player_id = p0.id OR p{i}.points > {i}" for i in range(1, 40)),
    "SELECT COUNT(*) FROM players NATURAL JOIN guilds NATURAL JOIN scores, players b, players c, players d, players e",
    f"SELECT COUNT(*) FROM {', '.join(f'{_DIGITS} t{i}' for i in range(9))}",
    _doubling(7),
    _doubling(30),
    _widening(6),
    _widening(25),
    "SELECT " + ", ".join("*" for _ in range(400)) + f" FROM {_crossed('players', 10)}",
]
LARGE_VALUES = [
    "SELECT REPEAT('x', 1000000000) FROM players",
    "SELECT REPEAT(name, 90000), REPEAT(name, 90000), REPEAT(name, 90000) FROM players",
    f"SELECT REPEAT('x', 100000), s0.name FROM {_crossed('players', 3)}",
    "SELECT REPLACE(REPEAT('a', 90000), 'a', REPEAT('b', 90000)) FROM players",
    "SELECT REPLACE(REPLACE(REPLACE(REPLACE(name, 'a', REPEAT('a', 9999)), 'a', REPEAT('a', 9999)), 'a', REPEAT('a', 9999)), 'a', REPEAT('a', 9999)) FROM players",
    "SELECT LPAD('x', 2000000000, 'y'), RPAD(name, 1999999999, name) FROM players",
    "SELECT CONCAT(" + ", ".join("REPEAT('x', 99999)" for _ in range(100)) + ") FROM players",
    f"SELECT GROUP_CONCAT(s0.name) FROM {_crossed('players', 5)}",
    f"SELECT GROUP_CONCAT(REPEAT('x', 99999)) FROM {_crossed('players', 3)}",
    f"SELECT STRING_AGG(REPEAT('x', 99999), ',') FROM {_crossed('players', 3)}",
    "SELECT SPACE(1000000000) FROM players",
    "SELECT HEX(REPEAT('x', 90000)), HEX(HEX(HEX(HEX(REPEAT('x', 90000))))) FROM players",
    "SELECT printf('%.*c', 900000000, 'x')",
    "SELECT printf('%900000000d', 1), format('%900000000s', 'x') FROM players",
    "SELECT hex(zeroblob(900000000))",
    "SELECT zeroblob(1000000000)",
    "SELECT length(randomblob(1000000000)) FROM players",
    "SELECT hex(randomblob(300000000)), quote(zeroblob(300000000)) FROM players",
    "SELECT POWER(9999, 9999), EXP(99999), 9e999 * 9e999 FROM players",
    "SELECT ROUND(level, 2000000000), TRUNCATE(level, -2000000000), FORMAT(level, 2000000000) FROM players",
    "SELECT " + "9" * 15_000,
    "SELECT " + " * ".join(["9223372036854775807"] * 300) + " FROM players",
    "SELECT generate_series(1, 1000000000)",
    "SELECT COUNT(*) FROM generate_series(1, 100000000000) AS g",
    "SELECT array_fill(1, ARRAY[100000000]) FROM players",
    "SELECT unnest(array_fill(name, ARRAY[90000000])) FROM players",
    "SELECT json_group_array(name) FROM players, scores, players b, scores c",
    "SELECT COUNT(*) FROM json_each('[' || replace(hex(zeroblob(500000)), '00', '1,') || '1]')",
    "SELECT COUNT(*) FROM json_tree('" + "[" * 1_500 + "]" * 1_500 + "')",
    "SELECT BENCHMARK(1000000000, MD5('x')), SLEEP(100) FROM players",
    "SELECT pg_sleep(100), pg_sleep_for('5 minutes') FROM players",
    "SELECT GET_LOCK('x', 1000), RELEASE_ALL_LOCKS() FROM players",
]
PATTERNS = [
    "SELECT name FROM players WHERE name LIKE '" + "%a" * 400 + "'",
    f"SELECT name FROM players WHERE REPEAT('a', 99999) LIKE '{'%a' * 8}%b'",
    f"SELECT COUNT(*) FROM {_crossed('players', 3)} WHERE REPEAT('a', 50000) LIKE '%{'_' * 400}b%'",
    f"SELECT name FROM players WHERE REPEAT('ab', 50000) LIKE '%{'_b' * 700}c%'",
    "SELECT name FROM players WHERE name LIKE REPEAT('%_', 40000)",
    "SELECT name FROM players WHERE name GLOB '" + "*a" * 400 + "b'",
    "SELECT name FROM players WHERE REPEAT('a', 50000) REGEXP '(a+)+$b'",
    "SELECT name FROM players WHERE REPEAT('a', 50000) RLIKE '(a|aa|a?)*b'",
    "SELECT name FROM players WHERE name ~ '((a*)*)*b' OR name SIMILAR TO '(a|a)*b'",
    "SELECT REGEXP_REPLACE(REPEAT('a', 50000), '(a*)*b', 'x') FROM players",
    "SELECT name FROM players WHERE name ILIKE '" + "%x_" * 300 + "'",
    "SELECT TRIM(LEADING 'a' FROM REPEAT('a', 99999)), TRIM(TRAILING 'ab' FROM REPEAT('ab', 49999)) FROM players",
]
FILES_AND_STATE = [
    "ATTACH DATABASE 'stolen.db' AS x",
    "ATTACH DATABASE ':memory:' AS x; CREATE TABLE x.t (a)",
    "DETACH DATABASE main",
    "SELECT load_extension('/usr/lib/evil.so')",
    "SELECT load_extension('libm.so.6', 'main') FROM players",
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema = 1; DELETE FROM sqlite_master; VACUUM",
    "PRAGMA journal_mode = WAL",
    "PRAGMA temp_store_directory = '/tmp'",
    "SELECT * FROM pragma_table_info('players')",
    "SELECT * FROM pragma_database_list, pragma_compile_options",
    "SELECT sql FROM sqlite_master",
    "SELECT sql FROM sqlite_schema, sqlite_temp_master",
    "SELECT * FROM dbstat, sqlite_stat1",
    "VACUUM INTO 'copy.db'",
    "VACUUM",
    "REINDEX",
    "SELECT readfile('/etc/passwd') FROM players",
    "SELECT writefile('left.txt', 'x') FROM players",
    "SELECT fts3_tokenizer('x'), fts5('x') FROM players",
    "SELECT edit('x', 'touch left.txt')",
    "SELECT LOAD_FILE('/etc/passwd') FROM players",
    "SELECT name FROM players INTO OUTFILE 'left.txt'",
    "SELECT name INTO DUMPFILE 'left.txt' FROM players",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE players",
    "COPY players TO 'left.txt'",
    "COPY (SELECT name FROM players) TO PROGRAM 'touch left.txt'",
    "SELECT pg_read_file('/etc/passwd'), lo_import('/etc/passwd') FROM players",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
    "SELECT * FROM dblink('host=localhost', 'SELECT 1') AS t(a INT)",
    "SELECT query_to_xml('DELETE FROM players', true, true, '') FROM players",
    "SELECT setval('players_id_seq', 1), nextval('players_id_seq'), set_config('x.y', 'z', false) FROM players",
    "SELECT user, authentication_string FROM mysql.user",
    "SELECT table_name FROM information_schema.tables",
    "SELECT sys_exec('touch left.txt'), @@datadir FROM players",
    "HANDLER players OPEN",
    "SET GLOBAL general_log = 1",
    "SELECT @a := name FROM players",
    "PREPARE s FROM 'DROP TABLE players'",
    "CALL mysql.do_something()",
    "DO SLEEP(100)",
    "SHUTDOWN",
    "KILL 1",
]
WRITES = [
    "DROP TABLE players",
    "DELETE FROM players",
    "UPDATE players SET level = 99",
    "INSERT INTO players (id, name) VALUES (1, 'x')",
    "INSERT INTO players SELECT * FROM players RETURNING name",
    "REPLACE INTO players (id, name) VALUES (1, 'x')",
    "TRUNCATE TABLE players",
    "ALTER TABLE players RENAME TO lost",
    "CREATE TABLE left_over AS SELECT * FROM players",
    "CREATE TEMP TABLE left_over AS SELECT * FROM players",
    "CREATE VIEW players2 AS SELECT * FROM players",
    "CREATE TRIGGER tr AFTER INSERT ON players BEGIN DELETE FROM players; END",
    "CREATE VIRTUAL TABLE f USING fts5(x)",
    "CREATE INDEX i ON players (name)",
    "SELECT name INTO left_over FROM players",
    "SELECT name FROM players FOR UPDATE",
    "WITH x AS (DELETE FROM players RETURNING name) SELECT name FROM x",
    "WITH x AS (SELECT 1) DELETE FROM players",
    "WITH x AS (INSERT INTO players (id, name) VALUES (7, 'x') RETURNING id) SELECT id FROM x",
    "WITH x AS (SELECT 1) INSERT INTO players (id, name) SELECT 1, 'x' FROM x",
    "SELECT name FROM (DELETE FROM players RETURNING name) AS t",
    "EXPLAIN ANALYZE DELETE FROM players",
    "GRANT ALL ON players TO PUBLIC",
    "BEGIN; DELETE FROM players; COMMIT",
    "SAVEPOINT a; ROLLBACK",
    "LOCK TABLE players IN ACCESS EXCLUSIVE MODE",
]
SEVERAL = [
    "SELECT name FROM players; DROP TABLE players",
    "SELECT name FROM players; SELECT 1",
    "SELECT name FROM players;;;;DELETE FROM players;;",
    "SELECT name FROM players -- \n; DROP TABLE players",
    "SELECT name FROM players /*! ; DROP TABLE players */",
    "SELECT name FROM players /*!50000 UNION SELECT quest FROM scores */ ; DROP TABLE scores",
    "SELECT name FROM players WHERE level > 10 -- AND joined >= '2023-01-01'",
    "SELECT name FROM players /* WHERE level > 10",
    "SELECT name FROM players WHERE name = 'x'' -- ' OR 1 = 1",
    "SELECT name FROM players # WHERE level > 10\n; DELETE FROM players",
    "/* " * 2_000 + "SELECT 1" + " */" * 2_000,
    "'; DROP TABLE players; --",
    "SELECT 'a' 'b' \"c\" `d` [e]",
    "```sql\nSELECT name FROM players\n```\nDROP TABLE players",
    "DELIMITER //\nDROP TABLE players//",
]
DEEP = [
    "SELECT " + _nested("(", "1", ")", 30),
    "SELECT " + _nested("(", "1", ")", 500),
    "SELECT " + _nested("(", "1", ")", 9_000),
    "SELECT " + "(" * 9_900,
    "SELECT " + "-" * 0 + "- " * 5_000 + "1 FROM players",
    "SELECT name FROM players WHERE " + "NOT " * 1_500 + "1",
    "SELECT name FROM players WHERE " + "~" * 9_000 + "1",
    "SELECT " + "1 + " * 900 + "1 FROM players",
    "SELECT " + " || ".join("'a'" for _ in range(900)) + " FROM players",
    "SELECT name FROM players WHERE " + " AND ".join("level > 1" for _ in range(450)),
    "SELECT name FROM players WHERE " + " OR ".join(f"level = {i}" for i in range(450)),
    "SELECT name FROM players WHERE " + " AND ".join(f"(level = {i} OR guild_id = {i})" for i in range(150)),
    "SELECT " + _nested("CASE WHEN 1 = 1 THEN ", "1", " ELSE 2 END", 38),
    "SELECT " + _nested("CASE WHEN 1 = 1 THEN ", "1", " ELSE 2 END", 300),
    "SELECT " + _nested("ABS(", "level", ")", 38) + " FROM players",
    "SELECT " + _nested("COALESCE(name, ", "name", ")", 38) + " FROM players",
    "SELECT " + _nested("IF(level > 1, ", "1", ", 2)", 38) + " FROM players",
    "SELECT " + _nested("CAST(", "level", " AS CHAR)", 38) + " FROM players",
    "SELECT * FROM " + _nested("(SELECT * FROM ", "players", ") AS t", 38),
    "SELECT * FROM " + _nested("(SELECT * FROM ", "players", ") AS t", 400),
    "SELECT name FROM players WHERE level IN " + _nested("(SELECT level FROM players WHERE level IN ", "(1)", ")", 30),
    "SELECT name FROM players p WHERE level > "
    + _nested("(SELECT AVG(level) FROM players q WHERE q.level > p.level AND q.level > ", "1", ")", 12),
    "SELECT name FROM players WHERE " + _nested("EXISTS (SELECT 1 FROM players WHERE ", "1 = 0", ")", 35),
    "SELECT " + _nested("(SELECT ", "1", ")", 38),
    _nested("WITH a AS (", "SELECT 1 AS k", ") SELECT k FROM a", 35),
    "WITH "
    + ", ".join(f"c{i} AS (SELECT {i} AS k)" for i in range(250))
    + " SELECT COUNT(*) FROM "
    + ", ".join(f"c{i}" for i in range(250)),
    _nested("(", "SELECT name FROM players", ")", 39),
    _nested("(SELECT name FROM players UNION ALL ", "SELECT name FROM players", ")", 25),
    "SELECT 1" + " UNION SELECT 1" * 600,
    "SELECT name FROM players" + " UNION ALL SELECT name FROM players" * 300,
    "SELECT name FROM players" + " EXCEPT SELECT name FROM players INTERSECT SELECT quest FROM scores" * 100,
    "SELECT " + "{" * 3_000 + "[" * 3_000,
    "SELECT ARRAY" + "[" * 39 + "1" + "]" * 39,
    "SELECT x" + ".x" * 900 + " FROM players",
    "SELECT level" + "::text::int" * 400 + " FROM players",
    "SELECT name FROM players WHERE level BETWEEN " + "1 AND 2 BETWEEN " * 300 + "1 AND 2",
    "SELECT " + "INTERVAL '1' DAY + " * 400 + "joined FROM players",
]
LONG = [
    "SELECT '" + "x" * 1_000_000 + "'",
    "SELECT name FROM players WHERE name = '" + "x" * 19_000 + "'",
    "x" * 1_000_000,
    " " * 1_000_000 + "SELECT 1",
    "SELECT 1" + " " * 1_000_000,
    "SELECT " + "a, " * 300_000 + "a FROM players",
    "(" * 1_000_000,
    "--" + "x" * 1_000_000,
    "/*" * 500_000,
    "'" * 1_000_001,
    ";" * 1_000_000,
    "SELECT name FROM players WHERE id IN (" + ", ".join(map(str, range(900))) + ")",
    "SELECT name FROM players WHERE id IN (" + ", ".join(map(str, range(150_000))) + ")",
    "SELECT name FROM players WHERE (id, level) IN (" + ", ".join(f"({i}, {i})" for i in range(300)) + ")",
    "SELECT " + ", ".join(f"name AS n{i}" for i in range(450)) + " FROM players",
    "SELECT " + ", ".join(f"level + {i}" for i in range(450)) + " FROM players p, players q, players r",
    "SELECT COALESCE(" + ", ".join("NULL" for _ in range(900)) + ") FROM players",
    "VALUES " + ", ".join(f"({i})" for i in range(500)),
    _HUNDRED,
    "SELECT name AS " + "n" * 18_000 + " FROM players",
    "1e" + "9" * 19_000,
]
BYTES = [
    "SELECT name FROM players\0",
    "SELECT '\0' FROM players",
    "SEL\0ECT name FROM players",
    "SELECT name FROM players WHERE name = '\ud800'",
    "SELECT \udfff FROM players",
    "\ud83d\udca9" * 5_000,
    "SELECT name FROM players WHERE name = '\udcff\udcfe'",
    "\ufeffSELECT name FROM players; DROP TABLE players",
    "SELECT name FROM pl\u200bayers",
    "SELECT n\u0430me FROM players",
    "SELECT '\U0010ffff', '" + "\u0301" * 9_000 + "' FROM players",
    "SELECT CAST(x'ff' AS CHAR), x'c328' FROM players",
    "SELECT CHAR(0), CHAR(55296), CHAR(1114112, 255) FROM players",
    "\x1b[2J\x1b]0;owned\x07 SELECT name",
    "SELECT nope\x1b[31m\r\n\x08 FROM players",
    "\x00\x01\x02\x03",
    "SELECT ＊ FROM players；DROP TABLE players",
    "\u202eSELECT name FROM players",
]
WIDE_WORK = [
    "SELECT SUM(level) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM players, scores, scores b",
    "SELECT COUNT(*) OVER (PARTITION BY a.level ORDER BY b.level RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM players a, players b, players c",
    "SELECT RANK() OVER (ORDER BY a.name, b.name, c.name) FROM players a, players b, players c",
    "SELECT NTILE(1000000000) OVER (ORDER BY name), LAG(name, 1000000000) OVER (ORDER BY name) FROM players",
    "SELECT " + ", ".join(f"ROW_NUMBER() OVER (PARTITION BY level ORDER BY id, {i})" for i in range(60)) + " FROM players a",
    "SELECT name FROM players LIMIT 99999999999999999999999",
    "SELECT name FROM players LIMIT -1",
    "SELECT a.name FROM players a, players b, players c LIMIT 1000000000 OFFSET 1000000000",
    "SELECT name FROM players WHERE level > (SELECT COUNT(*) FROM scores a, scores b WHERE a.points < b.points AND a.player_id = players.id AND b.quest <> (SELECT MAX(quest) FROM scores c, scores d WHERE c.points > d.points AND c.player_id = a.player_id))",
    "SELECT name, (SELECT COUNT(*) FROM scores a, scores b, scores c WHERE a.points + b.points > c.points + players.level) FROM players",
    "SELECT name FROM players ORDER BY " + ", ".join(f"level * {i}, name" for i in range(200)),
    "SELECT name FROM players GROUP BY " + ", ".join(f"level + {i}" for i in range(300)),
    "SELECT name FROM players GROUP BY CUBE (id, name, level, joined, guild_id), ROLLUP (id, name, level)",
    "SELECT name FROM players HAVING COUNT(*) > (SELECT COUNT(*) FROM scores, scores b, scores c, scores d)",
    "SELECT DISTINCT a.name, b.name, c.name FROM players a, players b, players c ORDER BY 3, 2, 1",
    "SELECT COUNT(DISTINCT a.name, b.name, c.name) FROM players a, players b, players c, players d",
    "SELECT a.name FROM players a JOIN LATERAL (SELECT * FROM scores, scores b, scores c, scores d) t ON TRUE",
    "SELECT SUM(SUM(SUM(level))) FROM players",
    "SELECT RANDOM(), RAND(), UUID(), random() * 9223372036854775807 FROM players a, players b, players c, players d, players e",
    "TABLE players",
    "SHOW TABLES",
    "DESCRIBE players",
    "EXPLAIN SELECT name FROM players",
]  # fmt: skip

KINDS: dict[str, list[str]] = {
    "endless recursion": ENDLESS,
    "joins without end": CROSS_JOINS,
    "huge values": LARGE_VALUES,
    "patterns": PATTERNS,
    "files, settings, other state": FILES_AND_STATE,
    "writes": WRITES,
    "several statements, comments": SEVERAL,
    "deep nesting": DEEP,
    "long text": LONG,
    "odd characters": BYTES,
    "heavy work": WIDE_WORK,
}
