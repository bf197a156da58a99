"""Hostile queries: each ends soon with a reason, nothing is touched, and the next query is judged as ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchmarks.sql.hostile_queries import DDL, GOLD, GOOD, KINDS
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig
from tasks.sql.execution import compare

QUERIES = [query for queries in KINDS.values() for query in queries]
FEWER = QUERIES[::4]
CONFIG = SqlConfig(databases=20, query_timeout_s=0.1)


def test_enough_of_them() -> None:
    assert len(QUERIES) == len(set(QUERIES)) >= 200


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "sqlite"])
def test_each_ends_with_a_reason_and_the_next_is_right(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    queries = QUERIES[["mysql", "postgres", "sqlite"].index(dialect) :: 3]  # all of all: benchmarks/sql/hostile.py
    predictions = [p for query in queries for p in (query, GOOD)]
    rows = pd.DataFrame({"prediction": predictions}, dtype=object).assign(context=DDL, gold=GOLD, example_id="x")
    largest = [0.0]

    def watch(done: int, total: int, what: str) -> None:
        largest[0] = max([largest[0], *_worker_megabytes()])

    found = compare(rows, dialect, CONFIG, watch)
    assert not list(tmp_path.rglob("*"))
    assert largest[0] < 700
    for query, line, after in zip(queries, found[::2].itertuples(), found[1::2].itertuples(), strict=True):
        assert line.outcome in {"invalid", "unsupported", "different"}, (query, line.outcome)
        assert line.reason and line.reason.isprintable(), query
        assert after.outcome == "equal", (query, after.reason)


def _worker_megabytes() -> Iterator[float]:
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "tasks.sql.worker" in child.cmdline():  # one just forked has still our name, and our memory
                yield child.memory_info().rss / 2**20


def test_they_are_unfit_or_harmless_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"context": DDL, "answer": FEWER}, dtype=object)
    found = check_rows(rows, "mysql", CONFIG, True)
    assert not list(tmp_path.rglob("*"))
    reasons = dict(zip(FEWER, found, strict=True))
    for kind in ("files, settings, other state", "writes"):
        assert not [q for q in KINDS[kind] if not reasons.get(q, ["not run"])], kind


def test_the_worker_cannot_write_a_byte(tmp_path: Path) -> None:
    """What the kernel guarantees, should all else fail."""
    script = f"""
import os, sys
from tasks.sql import worker
from multiprocessing import Pipe
ours, theirs = Pipe()
sys.argv = ["worker", str(theirs.fileno())]
ours.close()
worker.main()
try:
    with open({str(tmp_path / "left.txt")!r}, "w") as file:
        file.write("x")
except OSError as error:
    print(type(error).__name__, error.errno)
try:
    x = bytearray(2 << 30)
except MemoryError:
    print("MemoryError")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["OSError", "27", "MemoryError"], done.stderr
    assert (tmp_path / "left.txt").read_text() == ""
