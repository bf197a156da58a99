r"""What counts as the answer in what a model wrote, and when it may stop writing: one scan tells both.

    Sure, here it is:\n```sql\nSELECT 1;\n```\nIt returns one.        ->        SELECT 1;

docs/answers.md has the rules. The raw text is always kept beside the answer.

A text is read from left to right, and a decision once taken holds whatever is written behind it. A pattern either
takes what it has looked at or looks at a bounded piece, so that the time is linear in the text.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

_WORD = r"[^\W\d]\w*"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"  # zero-width characters and the byte order mark
_COMMENT = r"--(?!-)[^\n]* | /\*.*?(?:\*/|\Z)"
# Comments (`#` begins one in MySQL, in PostgreSQL it is an operator), and the apostrophe of "it's": it quotes nothing.
_REMARK = r"--[^\n]* | /\*.*?(?:\*/|\Z) | \#(?![\#>-]|[ \t]*[\d(])[^\n]* | (?<=[a-z][a-z])'(?:s|t|re|ve|ll|d)\b"
# A doubled or escaped quote stays inside, but ESCAPE '\' escapes none; the last quote may be missing.
_QUOTED = r"""
    \b(?i:ESCAPE)\s+'\\'(?!') | '(?:[^'\\]|\\.|'')*+(?:'|\\?\Z) | "(?:[^"\\]|\\.|"")*+(?:"|\\?\Z) | `[^`]*(?:`|\Z)
    | \[[^\]\['"\n]*(?:\]|\Z) | (?<!\w)\$(?P<dollar>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=dollar)\$|\Z)
"""

# --- Where a statement may begin: its first word, if what follows fits; and what is passed over as a whole.
_START = re.compile(
    rf"""
    (?P<thought> <(?P<tag>think|thinking|thought|reasoning)> .*? (?:</(?P=tag)>|\Z) )
    # The next section of a prompt or turn of a user: what follows answers a question that nobody asked.
    | (?P<turn> ^\#{{2,}}[ \t]*(?:DDL|Tables|Schema|Question|Instruction)[ \t]*: | \[INST\] | \[\|user\|\]
        | <\|(?:im_start\|>|start_header_id\|>)?user\b | <start_of_turn>user\b )
    | (?P<comments> ^[ \t]*(?:{_COMMENT})(?:\s*(?:{_COMMENT}))*+ )
    | ["']\w{{0,20}}(?:sql|query|answer|statement|response|쿼리|답)\w{{0,20}}["']\s*:\s*
        "(?P<json>(?:[^"\\]|\\.)*+)(?P<closed>")?
    # A session, a look at the schema, a table that is only defined: they set the stage for a query.
    | \b(?P<stage>
          (?:USE|PRAGMA|DESC|DESCRIBE)(?=\s+[\w.`"]+\s*(?:;|\Z|\()) | (?:BEGIN|COMMIT)(?=\s*(?:;|\Z))
        | SET(?=\s+(?:NAMES\b|[@\w.]+\s*:?=|\w+\s+TO\b)) | START(?=\s+TRANSACTION\b)
        | SHOW(?=\s+(?:FULL|TABLES|COLUMNS|DATABASES|SCHEMAS|INDEX|CREATE)\b)
        | CREATE(?=\s+(?:TEMP\s+|TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[\w.`"]+\s*\() )
    | \b(?P<query>
          SELECT(?=[\s*({_INVISIBLE}]|\Z) | WITH(?=\s*\Z|\s+(?:RECURSIVE\b|[\w`"]+\s*(?:\(|AS\b|\Z)))
        | VALUES(?=\s*\() | EXPLAIN(?=\s+(?:SELECT|WITH|ANALYZE|QUERY)\b|\s*\()
        | (?:INSERT|REPLACE)(?=\s+(?:\w+\s+){{0,2}}INTO\s+[^\s;]+\s*(?:\(|\Z|(?:VALUES|SELECT|SET|DEFAULT|WITH)\b))
        | UPDATE(?=\s+[^\s;]+(?:\s+\w+){{0,2}}\s+SET\b) | DELETE(?=\s+FROM\b) | MERGE(?=\s+INTO\b)
        | (?:CREATE|ALTER|DROP)(?=\s+(?:OR\s+REPLACE\s+|TEMP\s+|TEMPORARY\s+|UNIQUE\s+)?
            (?:TABLE|VIEW|INDEX|DATABASE|SCHEMA|TRIGGER|FUNCTION|PROCEDURE|USER)\b)
        | TRUNCATE(?=\s+(?:TABLE\b|\w+\s*;)) | CALL(?=\s+\w+\s*\() )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
# What stands before its first word: the place (a fence, a line, a label, a token, another statement) with list marks
# and the like, then quotes around it, then its own brackets.
_BEFORE = re.compile(
    rf"""(?: (?P<place> ```[\w+-]* | ^ | [;；:：\]] | (?<=[\w|"])> | =\# ) [\s\d*_>•+|.){_INVISIBLE}-]*? )?
    (?P<quote> (?:\"{{3}} | '{{3}})\s* | \*\* | ``? | ["'“‘] )? (?P<brackets> (?:\(\s*)* ) \Z""",
    re.VERBOSE | re.MULTILINE,
)
_LOOK_BACK = 80  # characters; what stands before a statement is shorter
_CLOSING = {"“": "”", "‘": "’"}
_THREE_WORDS = re.compile(
    rf"\s+(?:(?:DISTINCT|ALL|SQL_\w+|HIGH_PRIORITY)\s+)*+({_WORD})[ \t]+({_WORD})[ \t]+({_WORD})", re.IGNORECASE
)
_FROM = re.compile(r"\bFROM\b", re.IGNORECASE)

# --- Where it ends
_TOKEN = re.compile(
    rf"""(?P<semicolon> [;；] )
    | (?P<stop> \#\#\# | ``` | \*\* | (?<![<&])<\| | <｜ | </\w | <(?:eos|end_of_turn|start_of_turn)> | \[/?INST\]
        | \[\| )
    | (?P<remark> {_REMARK} ) | (?P<quoted> {_QUOTED} )
    | (?P<line> \n\s* ) | (?P<mark> (?<!:)[.。:：](?=\s|\Z) )
    | (?P<word> {_WORD} ) | (?P<number> \d\w*(?:\.\d\w*)* ) | (?P<other> \S )""",
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(
    rf"""(?P<sign> \*\*|---\s|\#\#|[•✅] )
    | (?P<bullet> (?:[-*+>\#]|\d+[.)])[ \t]+ )? `? (?P<first>{_WORD}) (?P<label> [ \t]?[:：](?=\s) )?
        (?:[ \t]+(?P<second>{_WORD}))? (?=\W)""",
    re.VERBOSE,
)
# Words of SQL: those that a statement cannot end with, and others that can stand side by side with a name.
_OPEN = frozenset(
    re.findall(
        r"\w+",
        """SELECT DISTINCT ALL FROM JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL STRAIGHT_JOIN LATERAL WHERE AND OR
        XOR NOT ON USING BY GROUP ORDER PARTITION HAVING LIMIT OFFSET FETCH UNION INTERSECT EXCEPT MINUS AS CASE WHEN
        THEN ELSE IN IS LIKE ILIKE BETWEEN EXISTS INTO VALUES SET WITH RECURSIVE WINDOW RETURNING TABLE INSERT UPDATE
        DELETE""",
    )
)
_SQL = _OPEN | frozenset(
    re.findall(
        r"\w+",
        """END ASC DESC NULL NULLS TRUE FALSE FIRST LAST NEXT ROW ROWS ONLY TIES ROLLUP FOR LOCK SHARE OVER FILTER
        WITHIN COLLATE ESCAPE REGEXP RLIKE SIMILAR GLOB MATCH SOUNDS DIV MOD ISNULL NOTNULL INTERVAL BINARY ANY SOME
        AT TIME ZONE TABLESAMPLE QUALIFY USE FORCE IGNORE DO TO ENGINE DEFAULT MEMBER OVERLAPS SEARCH CYCLE""",
    )
)
_OPERATORS = frozenset(",(.=<>+-*/%|&!~^")

# --- How it is written down
_ODD = re.compile(rf"(?P<odd>[；\u00a0\u3000{_INVISIBLE}]) | {_REMARK} | {_QUOTED}", re.VERBOSE | re.DOTALL)
_PLAIN = {"；": ";", "\u00a0": " ", "\u3000": " "}
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_JSON_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": ""}


def answer_of(raw: str) -> str:
    """The SQL statement in `raw`, stripped; empty if there is none."""
    return _find(raw).sql


def is_complete(raw: str) -> bool:
    """Whether a model that wrote `raw` so far may stop: nothing written behind it changes the answer."""
    return _find(raw).final


class _Rank(IntEnum):
    """The first statement that is sure is the answer; without one, the first of the best others."""

    NOTHING = 0
    STAGE = 1
    LIKELY = 2
    SURE = 3


class _Found(NamedTuple):
    """A statement, how sure it is, whether more text leaves it as it is, and where the search goes on behind it."""

    sql: str = ""
    rank: _Rank = _Rank.NOTHING
    final: bool = False
    end: int = 0


class _Place(NamedTuple):
    """Where a statement begins, what closes the quotes around it, and whether it may be a part of a sentence."""

    begin: int
    closing: str
    doubtful: bool
    bracketed: bool


def _find(raw: str) -> _Found:
    """The statement that counts, and whether a model that wrote `raw` may stop."""
    best, at, previous = _Found(), 0, None
    while start := _START.search(raw, at):
        found = _Found()
        if start["turn"]:
            return best._replace(final=True)
        if start["json"] is not None:
            found = _in_json(start)
        elif start["query"] or start["stage"]:
            found = _statement(raw, start, previous)
        if found.rank == _Rank.SURE:
            return found
        best = max(best, found, key=lambda f: f.rank)  # the first of equals
        at, previous = max(start.end(), found.end), start
    return best._replace(final=False)


def _in_json(start: re.Match[str]) -> _Found:
    """What stands in a JSON string, which may be cut off."""
    found = _find(_unescaped(start["json"]))
    return _Found(found.sql, _Rank.SURE if found.sql else _Rank.NOTHING, found.final or bool(start["closed"]))


def _statement(raw: str, start: re.Match[str], previous: re.Match[str] | None) -> _Found:
    """The statement that begins with the word `start`, unless that is a word of prose."""
    place = None if _is_prose(raw, start) else _place(raw, start, previous)
    if place is None:
        return _Found()
    end, final = _end(raw, place, place.bracketed or bool(start["stage"]))
    sql = _plain(raw[place.begin : end])
    return _Found(sql, _rank(sql, start, place, raw[end : end + 1]), final, end)


def _is_prose(raw: str, start: re.Match[str]) -> bool:
    """`Select the names of`, `SELECT 문을 사용하여 조회`: no SELECT goes on with three words that are no SQL."""
    words = _THREE_WORDS.match(raw, start.end()) if start[0].upper() == "SELECT" else None
    return words is not None and not any(word.upper() in _SQL for word in words.groups())


def _place(raw: str, start: re.Match[str], previous: re.Match[str] | None) -> _Place | None:
    """Where the statement with the first word `start` begins; None if that word only stands in a sentence."""
    before = _BEFORE.search(raw, max(0, start.start() - _LOOK_BACK), start.start())
    assert before is not None  # all its parts are optional
    begin, where, quote = before.start("brackets"), before["place"], (before["quote"] or "").rstrip()
    if previous and previous["comments"] and not raw[previous.end() : begin].strip():
        begin, where = previous.start(), where or ""
    if where is None and not quote:  # a bracket before it is the sentence's
        return _Place(start.start(), "", doubtful=True, bracketed=False) if start[0].isupper() else None
    doubtful = start[0].istitle() and not quote and not str(where).startswith("```")
    return _Place(begin, _CLOSING.get(quote, quote), doubtful, bool(before["brackets"]))


def _rank(sql: str, start: re.Match[str], place: _Place, behind: str) -> _Rank:
    """How surely `sql` is meant to be run, and not a part of what is said about it."""
    reads, ended, rank = _FROM.search(sql) is not None, sql.endswith(";"), _Rank.SURE
    if behind in (":", "：") and not ended and not (reads and start[0].isupper()):
        rank = _Rank.NOTHING  # "Select the players from the table:"
    elif start["stage"]:
        rank = _Rank.STAGE
    elif place.doubtful:
        rank = (_Rank.NOTHING, _Rank.LIKELY, _Rank.SURE)[reads + ended]
    elif place.closing and not reads:
        rank = _Rank.LIKELY  # "`SELECT name` picks a column"
    return rank


def _end(raw: str, place: _Place, has_query: bool) -> tuple[int, bool]:
    """Where the statement of `place` ends (with its `;`), and whether more text leaves it there."""
    depth, last = 0, ""
    for token in _TOKEN.finditer(raw, place.begin):
        kind, text, at = token.lastgroup, token[0], token.start()
        if kind == "semicolon":
            return token.end(), True
        if kind == "stop" or _closes(raw, at, place.closing) or (text == ")" and not depth and place.doubtful):
            return at, True
        if kind == "mark" and _is_full_stop(raw, token, place.doubtful):
            return at, token.end() < len(raw)
        if kind == "line" and not depth and _is_finished(last) and _prose_follows(raw, token):
            return at, True
        if kind == "word" and not depth and text.upper() == "SELECT":
            if has_query and _is_finished(last):
                return at, token.end() < len(raw)
            has_query = True
        depth = max(0, depth + (text == "(") - (text == ")"))
        if kind not in ("remark", "line"):
            last = text.upper()
    return len(raw), False


def _closes(raw: str, at: int, closing: str) -> bool:
    """Whether the quotes around the statement end here; behind a blank or an operator others open inside of them."""
    if not closing or not raw.startswith(closing, at):
        return False
    return len(closing) > 1 or not (raw[at - 1].isspace() or raw[at - 1] in _OPERATORS)


def _is_full_stop(raw: str, mark: re.Match[str], in_sentence: bool) -> bool:
    """Whether a dot or colon with a blank behind it ends a sentence: `t. name` is SQL, too."""
    return mark[0] != "." or in_sentence or raw[mark.end() : mark.end() + 2].lstrip("\r ").startswith("\n")


def _is_finished(last: str) -> bool:
    """Whether a statement can end behind the token `last`, which is empty before its first word."""
    return last != "" and last not in _OPEN and last not in _OPERATORS


def _prose_follows(raw: str, line: re.Match[str]) -> bool:
    """Whether the line behind the line break(s) `line` is no SQL; a line that is still being written might be."""
    found = _LINE.match(raw, line.end())
    if found is None or found["sign"]:
        return found is not None
    first, second = found["first"], found["second"]
    if line[0].count("\n") > 1:  # behind an empty line SQL goes on with a keyword
        return bool(found["bullet"]) or first.upper() not in _SQL or first.istitle()
    if found["bullet"] or first.upper() in _SQL:
        return False
    return bool(found["label"] or (second and (second.upper() not in _SQL or (first.istitle() and second.islower()))))


def _plain(sql: str) -> str:
    """`sql` without what looks like a blank, a `;` or nothing and is another character; texts in it stay."""
    return _ODD.sub(lambda m: _PLAIN.get(m["odd"], "") if m["odd"] else m[0], sql).strip()


def _unescaped(text: str) -> str:
    """The text that a JSON string holds; what is no escape in JSON loses its backslash."""

    def character(escape: re.Match[str]) -> str:
        return chr(int(escape[1], 16)) if escape[1] else _JSON_ESCAPES.get(escape[2], escape[2])

    # Half of a surrogate pair, alone, cannot be written to a file.
    return _JSON_ESCAPE.sub(character, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
