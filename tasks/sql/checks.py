"""Fitness of data rows: the answer is one read-only query of its context, runs, and returns rows."""

from __future__ import annotations

import pandas as pd

from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.pool import run_jobs


def check_rows(
    rows: pd.DataFrame,
    dialect: str,
    config: SqlConfig,
    must_return_rows: bool,
    progress: Progress = silent,
    processes: int | None = None,
) -> pd.Series:
    """Say of each row why it is unfit.

    Args:
        rows: columns context (DDL) and answer (gold SQL).
        dialect: SQL dialect of both.
        config: databases to try an answer on.
        must_return_rows: whether an answer that returns nothing on any of them is unfit.
        progress: hears (done, total, 'rows').
        processes: how many worker processes at once; as many as there are cores by default.

    Returns:
        Series of list[str], same index; an empty list for a fit row. Reasons begin with one of 'context does not
        parse', 'context is not supported', 'answer is empty', 'answer does not parse', 'answer is not one read-only
        query', 'unknown table', 'unknown column', 'answer is not supported', 'answer fails to run', 'answer returns
        no rows on any generated database'; some go on with ': detail'.
    """
    contexts, answers = ([t if isinstance(t, str) else "" for t in rows[name]] for name in ("context", "answer"))
    groups: dict[str, list[int]] = {}
    for position, context in enumerate(contexts):
        groups.setdefault(context, []).append(position)
    jobs = [((context, dialect, must_return_rows), [answers[p] for p in at]) for context, at in groups.items()]
    found: list[list[str]] = [[] for _ in contexts]
    results = run_jobs("check", jobs, config, _lost, progress, processes)
    for at, reasons in zip(groups.values(), results, strict=True):
        for position, result in zip(at, reasons, strict=True):
            found[position] = result
    return pd.Series(found, index=rows.index, dtype=object)


def _lost(in_setup: bool, why: str) -> list[str]:
    return [f"{'context does not parse' if in_setup else 'answer fails to run'}: {why}"]
