"""Rows accepted so far, and why others were not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from tasks.data.columns import language_of
from tasks.data.leakage import normalised, normalised_schema
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig
from tasks.sql.exact import canonical_form
from tasks.sql.kinds import kind_of
from tasks.synthesis.prompt import DIALECT

COLUMNS = ["db_id", "context", "question", "answer", "dialect", "language", "domain", "complexity"]
FEW = 100  # below this a second process takes longer to start than it saves

Row = dict[str, str]  # keys as COLUMNS


class Collection:
    """What was made: `rows` that are sound and new, and `refused` ones with their `reason`."""

    def __init__(self, sql: SqlConfig, must_return_rows: bool) -> None:
        self.rows: list[Row] = []
        self.refused: list[Row] = []
        self._sql = sql
        self._must_return_rows = must_return_rows
        self._schemas: set[str] = set()
        self._questions: set[tuple[str, str]] = set()
        self._queries: set[tuple[str, str, str]] = set()

    def is_new_schema(self, ddl: str) -> bool:
        """Whether this is the first schema with these tables."""
        schema = normalised_schema(ddl)
        known = schema in self._schemas
        self._schemas.add(schema)
        return not known

    def add(self, candidates: Iterable[Row]) -> None:
        """Take rows (all of COLUMNS but complexity) that are in their language, run, and are not there yet."""
        fresh = []
        for row in candidates:
            question = (row["context"], normalised(row["question"]))
            if language_of(row["question"]) != row["language"]:
                self.refuse(row, f"question is not in {'Korean' if row['language'] == 'ko' else 'English'}")
            elif question in self._questions:
                self.refuse(row, "question is there already")
            else:
                self._questions.add(question)
                fresh.append(row)
        if not fresh:
            return
        table = pd.DataFrame(fresh)
        processes = 1 if len(fresh) < FEW else None
        reasons = check_rows(table, DIALECT, self._sql, self._must_return_rows, processes=processes)
        for row, found in zip(fresh, reasons, strict=True):
            if found:
                self.refuse(row, "; ".join(found))
                continue
            # In another language the same query is an example of its own.
            form = canonical_form(row["answer"], row["context"], DIALECT) or normalised(row["answer"])
            query = (row["context"], row["language"], form)
            if query in self._queries:
                self.refuse(row, "query is there already")
                continue
            self._queries.add(query)
            self.rows.append({**row, "complexity": kind_of(row["answer"], DIALECT)})

    def refuse(self, row: Row, reason: str) -> None:
        """Keep a row, or what there is of it, among the refused ones."""
        self.refused.append({**row, "reason": reason})

    def reasons(self) -> dict[str, int]:
        """How many rows were refused for what, details aside, the most frequent first."""
        return dict(Counter(row["reason"].partition(":")[0] for row in self.refused).most_common())
