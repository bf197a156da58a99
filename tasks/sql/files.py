"""The DDL of a SQLite file that somebody handed out; nothing else in it is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tasks.common.errors import InputError


def ddl_of_file(path: Path) -> str:
    """The CREATE TABLE statements of a SQLite file, in the order they were made.

    Raises:
        InputError: it is no SQLite database, or has no table.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)) as connection:
            found = connection.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql IS NOT NULL"
            ).fetchall()
    except sqlite3.Error as error:
        raise InputError(f"{path}: not a SQLite database: {error}") from None
    if not found:
        raise InputError(f"{path}: the database has no tables")
    return "\n".join(f"{statement.rstrip().rstrip(';')};" for (statement,) in found)
