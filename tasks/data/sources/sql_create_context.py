"""`b-mc2/sql-create-context`: one or two tables without keys, and a question on them.

Its rows name no database, so that rows on the same tables are taken as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tasks.data.sources.config import SqlCreateContextSource
from tasks.data.sources.hub import open_splits
from tasks.data.sources.record import Record

DOMAIN = "various"


def records(source: SqlCreateContextSource) -> Iterator[Record]:
    """All rows of its one split."""
    for place, values in open_splits(source.path, source.revision, ("context", "question", "answer")):
        db_id = schema_id(values["context"])
        yield Record(place, db_id, **values, dialect="sqlite", language="en", domain=DOMAIN)


def schema_id(context: object) -> str | None:
    """A db_id made from the DDL, its white space and letter case aside; None where there is no text."""
    if not isinstance(context, str):
        return None
    same = " ".join(context.casefold().split())
    return f"schema-{hashlib.sha256(same.encode(errors='surrogatepass')).hexdigest()[:12]}"
