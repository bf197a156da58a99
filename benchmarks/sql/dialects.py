"""Our SQLite engine beside a real MariaDB, PostgreSQL and SQLite, listed and drawn queries; sqlglot alone as peer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.sql.agreement import OUTCOMES, SILENT, Ours, Real, RealSqlite, Transpiled
from benchmarks.sql.drawn import drawn
from tasks.common.errors import InputError
from tasks.sql.live.server import Server, prefix
from tasks.sql.schema import parse_schema

URLS = {
    "mysql": os.environ.get("T2S_MARIADB_URL", "mysql://root@127.0.0.1:3306"),
    "postgres": os.environ.get("T2S_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
}
NAMES = {"mysql": "MariaDB", "postgres": "PostgreSQL", "sqlite": "SQLite"}
DRAWN = 1_000


@contextmanager
def real_database(dialect: str, listed: Any) -> Iterator[Real]:
    """The dialect's own database with the listed tables.

    Raises:
        InputError: there is no server.
    """
    if dialect == "sqlite":
        yield RealSqlite(listed.DDL, listed.ROWS)
        return
    driver = {"mysql": "mysql+pymysql", "postgres": "postgresql+psycopg"}[dialect]
    server = Server(driver + "://" + URLS[dialect].split("://", 1)[1], 5.0)
    name = f"{prefix(os.getpid())}agreement_{dialect}"
    schema = parse_schema(listed.DDL, dialect)
    try:
        server.create(name, schema, listed.DDL)
        server.fill(schema, listed.DDL, listed.ROWS)
        yield server
    finally:
        server.drop(name)
        server.close()


def queries_of(dialect: str, quick: bool, seed: int) -> dict[str, list[str]]:
    """Listed and drawn queries of a dialect; every tenth of them if `quick`."""
    listed = import_module(f"benchmarks.sql.listed_{dialect}").queries()
    found = {"listed": listed}
    if dialect != "sqlite":
        found["drawn"] = drawn(dialect, DRAWN, seed)
    return {kind: queries[::10] if quick else queries for kind, queries in found.items()}


def run(quick: bool, seed: int) -> Part:
    """Compare all queries of all dialects, the peer's on the same rows."""
    figures: dict[str, float | int | str | None] = {}
    table, exceptions = [], []
    for dialect, name in NAMES.items():
        listed = import_module(f"benchmarks.sql.listed_{dialect}")
        ours = Ours(parse_schema(listed.DDL, dialect), listed.ROWS)
        peer = Transpiled(listed.DDL, listed.ROWS, dialect) if dialect != "sqlite" else None
        try:
            with real_database(dialect, listed) as real:
                for kind, queries in queries_of(dialect, quick, seed).items():
                    counts, theirs = Counter[str](), Counter[str]()
                    for sql in queries:
                        outcome, said = ours.compare(sql, real)
                        counts[outcome] += 1
                        if peer is not None:
                            theirs[peer.compare(sql, real)] += 1
                        if outcome in (*SILENT, "refuses alone"):
                            exceptions.append({"dialect": dialect, "sql": sql, "outcome": outcome, "said": said[:300]})
                    silent = sum(counts[o] for o in SILENT)
                    line = {"engine": name, "queries": kind, "all": len(queries), **{o: counts[o] for o in OUTCOMES}}
                    by_peer = sum(theirs[o] for o in SILENT) if peer is not None else None
                    table.append({**line, "silent": silent, "silent, sqlglot alone": by_peer})
                    key = f"{dialect}_{kind}"
                    figures |= {f"{key}_{o.replace(' ', '_')}": counts[o] for o in OUTCOMES}
                    figures |= {f"{key}_queries": len(queries), f"{key}_silent": silent}
                    figures[f"{key}_silent_sqlglot_alone"] = by_peer
        except InputError as error:
            print(f"{name} left out: {error}")
    show("Our SQLite engine beside the real one", table)
    for exception in exceptions[:20]:
        print(exception)
    return Part(figures, ("sqlglot", "pymysql", "psycopg", "sqlalchemy"), {"exceptions": exceptions})
