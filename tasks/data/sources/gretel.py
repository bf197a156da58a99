"""`gretelai/synthetic_text_to_sql`: tables with a few rows, a question of one of a hundred domains, any SQL."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.sources.config import GretelSource
from tasks.data.sources.hub import open_splits
from tasks.data.sources.record import Record
from tasks.data.sources.sql_create_context import schema_id

NEEDED = ("id", "domain", "sql_prompt", "sql_context", "sql")


def records(source: GretelSource) -> Iterator[Record]:
    """All rows of both splits, each known by its own id; its class of query is found anew from the SQL."""
    for place, values in open_splits(source.path, source.revision, NEEDED):
        yield Record(
            place=f"{place.partition(':')[0]}:id={values['id']}" if values["id"] is not None else place,
            db_id=schema_id(values["sql_context"]),
            context=values["sql_context"],
            question=values["sql_prompt"],
            answer=values["sql"],
            dialect=source.dialect,
            language="en",
            domain=values["domain"],
        )
