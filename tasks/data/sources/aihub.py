"""AI Hub's NL2SQL set as it is handed out: folders with Korean names, labels apart from the schemas."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.data.sources.config import AiHubSource
from tasks.data.sources.formats import read_json
from tasks.data.sources.record import Record
from tasks.data.sources.schema_index import ddl

LABELS = re.compile(r"TEXT_NL2SQL_label_(?P<source>[^_]+)_(?P<domain>.+)\.json")
SCHEMAS = "_db_annotation.json"


def records(source: AiHubSource) -> Iterator[Record]:
    """All utterances of all label files, each known by its id; names are read in composed Unicode.

    Raises:
        InputError: no labels, a broken file, or an utterance on a schema that no annotation describes.
    """
    folder = Path(source.path)
    files = sorted(folder.rglob("*.json"))
    schemas = {str(s.get("db_id")): s for file in files if _name(file).endswith(SCHEMAS) for s in _data(file)}
    labels = [(file, found) for file in files if (found := LABELS.fullmatch(_name(file)))]
    if not labels:
        raise InputError(f"{folder}: no file TEXT_NL2SQL_label_<source>_<domain>.json in it")
    contexts: dict[str, str] = {}
    for file, found in labels:
        for row in _data(file):
            db_id = unicodedata.normalize("NFC", str(row.get("db_id")))
            place = unicodedata.normalize("NFC", str(row.get("utterance_id")))
            if db_id not in schemas:
                raise InputError(f"{file}: {place}: no schema '{db_id}' in any *{SCHEMAS}")
            if db_id not in contexts:
                contexts[db_id] = _context(schemas[db_id], source.dialect, db_id)
            question, answer = (_composed(row.get(name)) for name in ("utterance", "query"))
            yield Record(place, db_id, contexts[db_id], question, answer, source.dialect, "ko", found["domain"])


def _name(file: Path) -> str:
    return unicodedata.normalize("NFC", file.name)


def _composed(value: Any) -> Any:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _data(file: Path) -> list[dict[str, Any]]:
    content = read_json(file)
    rows = content.get("data") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{file}: expected an object with a list of objects under 'data'")
    return [{_composed(key): _composed(value) for key, value in row.items()} for row in rows]


def _context(schema: dict[str, Any], dialect: str, db_id: str) -> str:
    try:
        return unicodedata.normalize("NFC", ddl(schema, dialect))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"schema '{db_id}' in *{SCHEMAS}: {type(error).__name__}: {error}") from None
