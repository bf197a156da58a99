"""Fitness of data rows: the answer is one read-only query of its context, runs, and returns rows."""

from __future__ import annotations

import pandas as pd

from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.worker import Worker

ROWS_A_JOB = 200  # so that progress is told, and a lost worker repeats little


def check_rows(
    rows: pd.DataFrame, dialect: str, config: SqlConfig, must_return_rows: bool, progress: Progress = silent
) -> pd.Series:
    """Say of each row why it is unfit.

    Args:
        rows: columns context (DDL) and answer (gold SQL).
        dialect: SQL dialect of both.
        config: databases to try an answer on.
        must_return_rows: whether an answer that returns nothing on any of them is unfit.
        progress: hears (done, total, 'rows').

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
    found: list[list[str]] = [[] for _ in contexts]
    done = 0
    progress(0, len(rows), "rows")
    with Worker(config) as worker:
        for context, positions in groups.items():
            setup = (context, dialect, must_return_rows)
            for start in range(0, len(positions), ROWS_A_JOB):
                part = positions[start : start + ROWS_A_JOB]
                for position, reasons in zip(
                    part, worker.run("check", setup, [answers[p] for p in part], _lost), strict=True
                ):
                    found[position] = reasons
                    done += 1
                    progress(done, len(rows), "rows")
    return pd.Series(found, index=rows.index, dtype=object)


def _lost(in_setup: bool) -> list[str]:
    what = "context does not parse" if in_setup else "answer fails to run"
    return [f"{what}: too slow (its worker was stopped)"]
