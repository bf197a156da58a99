"""SQLite's own queries: they run as they are written, with the clock frozen."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from tasks.sql.functions import NOW
from tasks.sql.parsing import unsupported
from tasks.sql.schema import Schema

_CLOCK = {"CURRENT_DATE": NOW[:10], "CURRENT_TIMESTAMP": NOW, "CURRENT_TIME": NOW[11:]}
_DATES = ("DATE", "TIME", "DATETIME", "JULIANDAY")


def quoted_texts(tree: exp.Query, sql: str, schema: Schema) -> None:
    """Make texts of names in double quotes that nothing bears, in place: SQLite does so."""
    known = {c for table in schema.tables.values() for c in table.columns} | set(schema.tables)
    known |= {a.alias.lower() for a in tree.find_all(exp.Alias)}
    known |= {c.name.lower() for a in tree.find_all(exp.TableAlias) for c in a.columns}
    for column in list(tree.find_all(exp.Column)):
        name = column.this
        if column.table or not isinstance(name, exp.Identifier) or not name.quoted or name.name.lower() in known:
            continue
        start = name.meta.get("start")
        if start is not None and sql[start] == '"':
            column.replace(exp.Literal.string(name.name))


def frozen(sql: str) -> str:
    """The query's text with 'now' and its kin replaced by the frozen instant.

    Raises:
        Refused: it reads the clock in a way that cannot be frozen, or reads rowids.
    """
    tokens = sqlglot.tokenize(sql, read="sqlite")
    changes: list[tuple[int, int, str]] = []
    for i, token in enumerate(tokens):
        word, kind = token.text.upper(), token.token_type.name
        if kind == "STRING" and word.strip() == "NOW":
            changes.append((token.start, token.end + 1, f"'{NOW}'"))
        elif kind not in ("STRING", "IDENTIFIER") and word in _CLOCK:
            changes.append((token.start, token.end + 1, f"'{_CLOCK[word]}'"))
        elif word in ("ROWID", "OID", "_ROWID_", "LOCALTIME") and kind != "STRING":
            raise unsupported(word)
        elif kind == "STRING" and word.strip() in ("LOCALTIME", "UTC"):
            raise unsupported(f"the time zone of the machine ('{token.text}')")
        elif word in _DATES and [t.text for t in tokens[i + 1 : i + 3]] == ["(", ")"]:
            raise unsupported(f"{word}() of no argument")
        elif word == "STRFTIME" and [t.text for t in tokens[i + 3 : i + 4]] == [")"]:
            raise unsupported("STRFTIME of no date")
    for start, end, text in reversed(changes):
        sql = sql[:start] + text + sql[end:]
    return sql.strip().rstrip(";")
