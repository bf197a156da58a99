"""Spider: tables.json, the files of examples, and where it is there a SQLite database for each schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.data.sources.config import SpiderSource
from tasks.data.sources.formats import read_json_list
from tasks.data.sources.record import Record
from tasks.data.sources.schema_index import ddl
from tasks.sql.files import ddl_of_file

EXAMPLES = ("train_spider.json", "train_others.json", "dev.json")


def records(source: SpiderSource) -> Iterator[Record]:
    """All examples of the files that are there.

    A context is the DDL of `database/<db_id>/<db_id>.sqlite` where that file is there, as it has the real types,
    and is made from tables.json otherwise.

    Raises:
        InputError: a file is missing or broken, or an example names a schema that tables.json lacks.
    """
    folder = Path(source.path)
    schemas = {str(schema.get("db_id")): schema for schema in read_json_list(folder / "tables.json")}
    files = [folder / name for name in EXAMPLES if (folder / name).is_file()]
    if not files:
        raise InputError(f"{folder}: none of {', '.join(EXAMPLES)} is there")
    contexts: dict[str, str] = {}
    for file in files:
        for number, row in enumerate(read_json_list(file), 1):
            db_id = str(row.get("db_id"))
            if db_id not in schemas:
                raise InputError(f"{file}: example {number}: no schema '{db_id}' in tables.json")
            if db_id not in contexts:
                contexts[db_id] = _context(folder, db_id, schemas[db_id])
            place = f"{file.name}:{number}"
            yield Record(place, db_id, contexts[db_id], row.get("question"), row.get("query"), "sqlite", "en")


def _context(folder: Path, db_id: str, schema: dict[str, Any]) -> str:
    database = folder / "database" / db_id / f"{db_id}.sqlite"
    if database.is_file():
        return ddl_of_file(database)
    try:
        return ddl(schema, "sqlite")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{folder / 'tables.json'}: schema '{db_id}': {type(error).__name__}: {error}") from None
