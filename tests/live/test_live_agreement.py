"""No silent difference between our SQLite engine and a real MariaDB, PostgreSQL and SQLite."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from benchmarks.sql.agreement import SILENT, Ours
from benchmarks.sql.dialects import queries_of, real_database
from tasks.common.errors import InputError
from tasks.sql.foreign import ABSENT
from tasks.sql.parsing import Refused
from tasks.sql.schema import parse_schema

pytestmark = pytest.mark.live


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "sqlite"])
def test_no_silent_difference(dialect: str) -> None:
    listed = import_module(f"benchmarks.sql.listed_{dialect}")
    ours = Ours(parse_schema(listed.DDL, dialect), listed.ROWS)
    asked = queries_of(dialect, quick=False, seed=7)
    queries = [*asked["listed"][:: 4 if dialect == "mysql" else 2], *asked.get("drawn", [])[::4]]
    try:
        with real_database(dialect, listed) as real:
            found = [(sql, *ours.compare(sql, real)) for sql in queries]
            for name in sorted(ABSENT[dialect]):  # what we call unknown is unknown there
                with pytest.raises(Refused):
                    real.raw(f"SELECT {name}('2024-01-01')")
    except InputError as error:
        if os.environ.get("T2S_REQUIRE_LIVE") == "1":
            raise
        pytest.skip(str(error))
    silent = [f"{outcome}: {sql}\n  {said}" for sql, outcome, said in found if outcome in SILENT]
    assert not silent, "\n".join(silent)
    assert sum(outcome == "same" for _, outcome, _ in found) > 0.6 * len(found)
