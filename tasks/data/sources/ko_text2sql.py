"""`shangrilar/ko_text2sql`: Korean questions on MySQL schemas; its test split is the database of games."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.data.columns import NEEDED
from tasks.data.sources.config import KoText2SqlSource
from tasks.data.sources.hub import open_splits
from tasks.data.sources.record import Record


def records(source: KoText2SqlSource) -> Iterator[Record]:
    """All rows of both splits."""
    for place, values in open_splits(source.path, source.revision, NEEDED, source.config):
        yield Record(place, **values, dialect="mysql", language="ko")
