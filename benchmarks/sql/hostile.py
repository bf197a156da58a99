"""Queries made to harm: how each ends here, and with a SQLite connection and a thread's timeout, the usual way."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.sql.hostile_queries import DDL, GOLD, GOOD, KINDS
from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import resolve
from tasks.sql.equivalence import Verdict
from tasks.sql.jobs import Compared
from tasks.sql.schema import parse_schema
from tasks.sql.worker import Worker

DIALECTS = ("mysql", "postgres", "sqlite")
LIMIT_S = 3.0
PEER_MEMORY = 4 * 2**30


@dataclass
class Ours:
    """What was seen of our way in one dialect; seconds of the hostile queries, one by one."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    found: list[Compared] = field(default_factory=list)
    peak_mb: float = 0.0


def run(quick: bool, seed: int) -> Part:
    """Each query, and a right one after each; the folder it happens in is looked at before and after."""
    queries = [q for kind in KINDS.values() for q in kind][:: 10 if quick else 1]
    figures: dict[str, float | int | str | None] = {"queries": len(queries), "dialects": len(DIALECTS)}
    table, slow = [], []
    for dialect in DIALECTS[: 1 if quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            ours, files = _in(Path(folder), lambda: _ours(queries, dialect))  # noqa: B023  (called at once)
        hostile, good = ours.found[::2], ours.found[1::2]
        told = {
            "without_end": sum(s > LIMIT_S for s in ours.cpu_s),
            "without_reason": sum(not c.verdict.reason for c in hostile),
            "called_equal": sum(c.verdict.outcome == "equal" for c in hostile),
            "good_after_misjudged": sum(c.verdict.outcome != "equal" for c in good),
            "files_left": files,
            "slowest_cpu_s": round(max(ours.cpu_s), 2),
            "slowest_wall_s": round(max(ours.wall_s), 2),
            "peak_worker_mb": round(ours.peak_mb),
        }
        figures |= {f"ours_{dialect}_{key}": value for key, value in told.items()}
        table.append({"way": f"ours, {dialect}", **told})
        slow += [
            {"dialect": dialect, "query": q[:80], "cpu_s": round(s, 2), "reason": c.verdict.reason[:80]}
            for q, s, c in zip(queries, ours.cpu_s, hostile, strict=True)
            if s > 0.5
        ]
    show("Hostile queries: ours (seconds: the hostile query alone; the machine was shared)", table)
    peer = Counter(outcome for q in queries for outcome in _peer(q, seed))
    figures |= {f"peer_{key}": peer[key] for key in ("not_ended", "killed", "database_changed", "files_left")}
    show("The same, on a SQLite file with a thread's timeout", [{"queries": len(queries), **dict(peer)}])
    return Part(figures, ("sqlglot",), {"slow": slow})


def _in(folder: Path, work: Any) -> tuple[Any, int]:
    """What the work gives when done in an empty folder, and how many files it leaves there."""
    before = Path.cwd()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(before), os.environ.get("PYTHONPATH", "")])
    os.environ["SQLITE_TMPDIR"] = str(folder)
    os.chdir(folder)
    try:
        found = work()
    finally:
        os.chdir(before)
        del os.environ["SQLITE_TMPDIR"]
    return found, len(list(folder.rglob("*")))


def _ours(queries: list[str], dialect: str) -> Ours:
    def lost(in_setup: bool, why: str) -> Compared:
        return Compared(Verdict("undecided" if in_setup else "invalid", why))

    seen, last = Ours(), (0.0, 0.0)
    # The first item bears the start of the worker and its databases.
    items = [GOOD, *(item for query in queries for item in (query, GOOD))]
    worker = Worker(SqlConfig())
    for number, compared in enumerate(worker.run("compare", (DDL, GOLD, dialect, None), items, lost)):
        cpu, peak = _spent_by_children()
        wall = time.perf_counter()
        if number % 2 == 1:
            seen.wall_s.append(wall - last[0])
            seen.cpu_s.append(cpu - last[1])
        if number > 0:
            seen.found.append(compared)
        seen.peak_mb, last = max(seen.peak_mb, peak), (wall, cpu)
    worker.stop()
    return seen


def _spent_by_children() -> tuple[float, float]:
    """CPU seconds of all children so far, and the memory (MB) of the largest."""
    me = psutil.Process()
    cpu, peak = sum(me.cpu_times()[2:4]), 0.0
    for child in me.children():
        with suppress(psutil.NoSuchProcess):
            cpu += sum(child.cpu_times()[:2])
            peak = max(peak, child.memory_info().rss / 2**20)
    return cpu, peak


def _peer(query: str, seed: int) -> list[str]:
    """What went wrong when the query ran on a copy of a database file, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "copy.sqlite"
        _write_database(file, seed)
        before = _contents(file)
        child = multiprocessing.get_context("fork").Process(target=_run_in_thread, args=(folder, query))
        child.start()
        child.join(LIMIT_S + 2)
        if child.is_alive():
            child.kill()
            child.join()
        status = child.exitcode
        left = [p for p in folder.rglob("*") if p.name not in ("copy.sqlite", "copy.sqlite-journal")]
        found = {3: ["not_ended"], 0: []}.get(status or 0, ["killed"])
        return found + ["database_changed"] * (_contents(file) != before) + ["files_left"] * bool(left)


def _run_in_thread(folder: Path, query: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (PEER_MEMORY, PEER_MEMORY))
    os.chdir(folder)

    def work() -> None:
        with suppress(Exception):
            connection = sqlite3.connect("copy.sqlite")
            connection.execute(query).fetchall()
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    os._exit(3 if thread.is_alive() else 0)


def _write_database(file: Path, seed: int) -> None:
    schema = parse_schema(DDL, "sqlite")
    rows = next(generate(schema, resolve(GOLD, schema, "sqlite"), SqlConfig(databases=1, seed=seed)))
    connection = sqlite3.connect(file)
    connection.executescript(DDL)
    for name, made in rows.items():
        marks = ", ".join("?" * len(schema.tables[name].columns))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", made)
    connection.commit()
    connection.close()


def _contents(file: Path) -> str:
    """All that SQLite would give back, as a digest."""
    try:
        connection = sqlite3.connect(file)
        text = "\n".join(connection.iterdump())
        connection.close()
    except sqlite3.Error as error:
        text = str(error)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
