"""What is kept from a server, and the clock that stands still there."""

from __future__ import annotations

import re

import sqlglot

from tasks.sql.functions import NOW
from tasks.sql.parsing import invalid, parse_query

# Functions that read files, reach other hosts, change settings or end other sessions; a read-only transaction
# does not keep them back.
_DENIED = re.compile(
    r"(pg_(?!sleep)\w*|lo_\w+|dblink\w*|set_config|current_setting|query_to_xml\w*|table_to_xml\w*|database_to_xml\w*"
    r"|nextval|setval|load_file|get_lock|release_\w*lock\w*|is_\w+_lock|benchmark|master_\w+|sys_\w+|txid_\w+)",
    re.IGNORECASE,
)
_CLOCK = {
    "CURRENT_DATE": f"DATE '{NOW[:10]}'",
    "CURRENT_TIMESTAMP": f"TIMESTAMPTZ '{NOW}+00'",
    "LOCALTIMESTAMP": f"TIMESTAMP '{NOW}'",
    "CURRENT_TIME": f"TIME '{NOW[11:]}'",
    "LOCALTIME": f"TIME '{NOW[11:]}'",
}


def frozen(sql: str, dialect: str) -> str:
    """A query fit for a server, with PostgreSQL's clock frozen (MySQL's is a setting of the session).

    Raises:
        Refused: it is no single read-only query, or calls what is kept from the server.
    """
    parse_query(sql, dialect)
    tokens = sqlglot.tokenize(sql, read=dialect)
    changes: list[tuple[int, int, str]] = []
    for i, token in enumerate(tokens):
        if token.token_type.name in ("STRING", "IDENTIFIER"):
            continue
        if tokens[i + 1 : i + 2] and tokens[i + 1].text == "(" and _DENIED.fullmatch(token.text):
            raise invalid(f"not one read-only query: {token.text}")
        if dialect == "postgres":
            changes += _clock_at(tokens, i)
    for start, end, text in reversed(changes):
        sql = sql[:start] + text + sql[end:]
    return sql.strip().rstrip(";")


def _clock_at(tokens: list[sqlglot.Token], i: int) -> list[tuple[int, int, str]]:
    """What to write in the place of a word that reads the clock: (start, end, text)."""
    token, following = tokens[i], [t.text for t in tokens[i + 1 : i + 3]]
    word = token.text.upper()
    if word in _CLOCK:
        return [(token.start, token.end + 1, _CLOCK[word])]
    if following == ["(", ")"] and word in ("NOW", "TRANSACTION_TIMESTAMP", "STATEMENT_TIMESTAMP"):
        return [(token.start, tokens[i + 2].end + 1, _CLOCK["CURRENT_TIMESTAMP"])]
    if following == ["(", ")"] and word == "CLOCK_TIMESTAMP":
        raise invalid("the clock is not read here: CLOCK_TIMESTAMP")
    if word == "AGE" and following[:1] == ["("] and not _has_comma(tokens[i + 2 :]):  # AGE(x) counts from today
        inside = tokens[i + 1].end + 1
        return [(inside, inside, f"TIMESTAMP '{NOW[:10]}', ")]
    return []


def _has_comma(tokens: list[sqlglot.Token]) -> bool:
    """Whether the call that these tokens are the rest of has several arguments."""
    depth = 0
    for token in tokens:
        if depth == 0 and token.text in (",", ")"):
            return token.text == ","
        depth += (token.text == "(") - (token.text == ")")
    return False
