"""Execution accuracy: is a prediction's answer that of the gold query, on databases made for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.equivalence import Verdict
from tasks.sql.frozen import frozen_file, packed, unpacked
from tasks.sql.jobs import Compared
from tasks.sql.pool import run_jobs

TYPES = {"outcome": "str", "reason": "str", "counterexample": "str", "canonical": "bool"}


def compare(
    rows: pd.DataFrame,
    dialect: str,
    config: SqlConfig,
    progress: Progress = silent,
    processes: int | None = None,
    databases: Path | None = None,
) -> pd.DataFrame:
    """Run gold and prediction of each row on generated databases and compare their answers.

    Args:
        rows: columns example_id, context (DDL), gold, prediction; missing values count as ''.
        dialect: SQL dialect of the queries.
        config: how many databases, how long a query may run on one, and whether on SQLite or a server.
        progress: hears (done, total, 'rows').
        processes: how many worker processes at once; as many as there are cores by default.
        databases: folder that `freeze` filled; without it the databases are made now.

    Returns:
        One line for each row, same index and order: example_id, `outcome` ('equal', 'different', 'undecided' where
        the gold query fails or answers nothing anywhere, 'invalid' where the prediction is no runnable query,
        'unsupported' where a query's answer on SQLite is not known to be faithful), `reason`, `counterexample`
        (Markdown of a database on which the answers differ, else ''), and `canonical`: whether both are the same
        query in canonical form (`exact.canonical_match`; here, as a model's text is parsed in a worker only).

    Raises:
        InputError: the folder lacks the databases of a gold query.
    """
    columns = [[t if isinstance(t, str) else "" for t in rows[name]] for name in ("context", "gold", "prediction")]
    groups: dict[tuple[str, str], list[int]] = {}
    for position, (context, gold) in enumerate(zip(columns[0], columns[1], strict=True)):
        groups.setdefault((context, gold), []).append(position)
    jobs = [
        ((context, gold, dialect, _frozen(databases, context, gold, dialect)), [columns[2][p] for p in at])
        for (context, gold), at in groups.items()
    ]
    found: list[tuple[str, str, str, bool]] = [("", "", "", False)] * len(rows)
    with _cleaned(config, dialect):
        results = run_jobs("compare", jobs, config, _lost, progress, processes)
    for at, compared in zip(groups.values(), results, strict=True):
        for position, (verdict, canonical) in zip(at, compared, strict=True):
            found[position] = (verdict.outcome, verdict.reason, verdict.counterexample, canonical)
    answer = pd.DataFrame(found, columns=list(TYPES), index=rows.index).astype(TYPES)
    answer.insert(0, "example_id", rows["example_id"])
    return answer


@contextmanager
def _cleaned(config: SqlConfig, dialect: str) -> Iterator[None]:
    """With a live engine: ask before the first query whether it is there, and leave no schema of ours behind."""
    if config.engine_url_env is None:
        yield
        return
    from tasks.sql.live.server import Server, prefix, url_from  # its driver is an extra

    server = Server(url_from(config.engine_url_env, dialect), config.query_timeout_s)
    try:
        yield
    finally:
        server.drop_all(prefix(os.getpid()))
        server.close()


def _lost(in_setup: bool, why: str) -> Compared:
    return Compared(Verdict("undecided", f"gold fails: {why}") if in_setup else Verdict("invalid", why))


def _frozen(folder: Path | None, context: str, gold: str, dialect: str) -> str | None:
    if folder is None:
        return None
    file = frozen_file(folder, context, gold, dialect)
    if not file.is_file():
        raise InputError(f"{folder}: no databases for the {dialect} query {gold[:80]!r}; expected {file.name}")
    return str(file)


def freeze(
    rows: pd.DataFrame, config: SqlConfig, folder: Path, progress: Progress = silent, processes: int | None = None
) -> dict[str, int]:
    """Make the databases of all gold queries once, for every comparison with them.

    Args:
        rows: columns context (DDL), gold, dialect.
        config: how many databases.
        folder: where they are written, one file a gold query.
        progress: hears (done, total, 'rows').
        processes: how many worker processes at once; as many as there are cores by default.

    Returns:
        Counts: schemas, gold queries, databases, bytes.
    """
    wanted = rows[["context", "dialect", "gold"]].fillna("").drop_duplicates()
    by_schema: dict[tuple[str, str], list[str]] = {}
    for context, dialect, gold in wanted.itertuples(index=False):
        by_schema.setdefault((context, dialect), []).append(gold)
    groups = list(by_schema.items())
    results = run_jobs("freeze", groups, config, lambda in_setup, why: packed([]), progress, processes)
    for ((context, dialect), golds), made in zip(groups, results, strict=True):
        for gold, data in zip(golds, made, strict=True):
            frozen_file(folder, context, gold, dialect).write_bytes(data)
    written = [data for made in results for data in made]
    return {
        "schemas": len(groups),
        "gold_queries": len(written),
        "databases": sum(len(unpacked(data)) for data in written),
        "bytes": sum(map(len, written)),
    }
