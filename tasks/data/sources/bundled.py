"""The sample that ships with the project."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.sample import DOMAINS, PATH
from tasks.data.sources.config import BundledSource
from tasks.data.sources.formats import open_records
from tasks.data.sources.record import Record


def records(source: BundledSource) -> Iterator[Record]:
    """The sample's rows in their order."""
    for line, values in open_records(str(PATH))[1]:
        yield Record(
            place=str(line),
            db_id=values["db_id"],
            context=values["context"],
            question=values["question"],
            answer=values["answer"],
            dialect="mysql",
            domain=DOMAINS[str(values["db_id"])],
        )
