"""Databases as files: written once, read by every model that is scored on their gold queries."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

from tasks.sql.databases import Rows


def packed(databases: Iterable[Rows]) -> bytes:
    """Databases as compressed JSON; the same databases always give the same bytes."""
    text = json.dumps(list(databases), ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"))


def unpacked(data: bytes) -> list[Rows]:
    """What `packed` was given."""
    databases = json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))
    return [{name: [tuple(row) for row in rows] for name, rows in one.items()} for one in databases]


def frozen_file(folder: Path, context: str, gold: str, dialect: str) -> Path:
    """Where the databases of a gold query lie."""
    text = json.dumps([dialect, context, gold])
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.json.z"


def read(file: str | None) -> list[Rows] | None:
    """The databases in a file; None, which means that they are made now, where there is none."""
    return None if file is None else unpacked(Path(file).read_bytes())
