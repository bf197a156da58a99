"""DDL from Spider's index form, in which columns are pairs of a table's number and a name.

{"db_id": "zoo", "table_names_original": ["cage"], "column_names_original": [[-1, "*"], [0, "id"]],
"column_types": ["text", "number"], "primary_keys": [1], "foreign_keys": []}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlglot import Dialect, exp

TYPES = {"text": "TEXT", "number": "REAL", "time": "TEXT", "boolean": "BOOLEAN", "others": "TEXT"}
PLAIN = re.compile(r"[A-Za-z_가-힣][\w가-힣]*")


def ddl(schema: Mapping[str, Any], dialect: str) -> str:
    """CREATE TABLE statements with primary and foreign keys; a number that is a key is an INTEGER.

    Raises:
        KeyError, IndexError, TypeError, ValueError: the schema is not in this form.
    """
    tables: list[str] = [str(name) for name in schema["table_names_original"]]
    columns = [(int(table), str(name)) for table, name in schema["column_names_original"]]
    types = [TYPES.get(str(kind), "TEXT") for kind in schema["column_types"]]
    primary = {int(key) for entry in schema["primary_keys"] for key in (entry if isinstance(entry, list) else [entry])}
    foreign = [(int(own), int(other)) for own, other in schema["foreign_keys"]]
    keys = primary | {column for pair in foreign for column in pair}

    def quote(name: str) -> str:
        return _quoted(name, dialect)

    statements = []
    for number, table in enumerate(tables):
        own = [index for index, (owner, _) in enumerate(columns) if owner == number]
        lines = [
            f"{quote(columns[index][1])} {'INTEGER' if index in keys and types[index] == 'REAL' else types[index]}"
            for index in own
        ]
        main = [quote(columns[index][1]) for index in own if index in primary]
        lines += [f"PRIMARY KEY ({', '.join(main)})"] if main else []
        lines += [
            f"FOREIGN KEY ({quote(columns[here][1])}) "
            f"REFERENCES {quote(tables[columns[there][0]])} ({quote(columns[there][1])})"
            for here, there in foreign
            if here in own
        ]
        statements.append(f"CREATE TABLE {quote(table)} ({', '.join(lines)});")
    return "\n".join(statements)


def _quoted(name: str, dialect: str) -> str:
    """The name as it is where that is safe, else in the dialect's quotes."""
    plain = PLAIN.fullmatch(name) and name.upper() not in _words(dialect)
    return exp.to_identifier(name, quoted=not plain).sql(dialect=dialect)


@cache
def _words(dialect: str) -> set[str]:
    keywords = Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS
    return {word for phrase in keywords for word in phrase.split()}


def unique_names(header: Sequence[Any]) -> list[str]:
    """Column names from a table's header: each once, whatever its letter case, and none empty."""
    names: list[str] = []
    taken: set[str] = set()
    for number, title in enumerate(header, 1):
        name = base = " ".join(str(title).split()) or f"column {number}"
        twin = 1
        while name.casefold() in taken:
            twin += 1
            name = f"{base} ({twin})"
        taken.add(name.casefold())
        names.append(name)
    return names
