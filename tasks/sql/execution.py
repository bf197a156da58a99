"""Execution accuracy: is a prediction's answer that of the gold query, on databases made for it."""

from __future__ import annotations

import pandas as pd

from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.equivalence import Verdict
from tasks.sql.worker import Worker

COLUMNS = ("outcome", "reason", "counterexample")


def compare(rows: pd.DataFrame, dialect: str, config: SqlConfig, progress: Progress = silent) -> pd.DataFrame:
    """Run gold and prediction of each row on generated databases and compare their answers.

    Args:
        rows: columns example_id, context (DDL), gold, prediction; missing values count as ''.
        dialect: SQL dialect of the queries.
        config: how many databases, and how long a query may run on one.
        progress: hears (done, total, 'rows').

    Returns:
        One line for each row, same index and order: example_id, `outcome` ('equal', 'different', 'undecided' where
        the gold query fails or answers nothing anywhere, 'invalid' where the prediction is no runnable query,
        'unsupported' where a query's answer on SQLite is not known to be faithful), `reason`, and `counterexample`
        (Markdown of a database on which the answers differ, else '').
    """
    columns = [[t if isinstance(t, str) else "" for t in rows[name]] for name in ("context", "gold", "prediction")]
    groups: dict[tuple[str, str], list[int]] = {}
    for position, (context, gold) in enumerate(zip(columns[0], columns[1], strict=True)):
        groups.setdefault((context, gold), []).append(position)
    found: list[tuple[str, str, str]] = [("", "", "")] * len(rows)
    done = 0
    progress(0, len(rows), "rows")
    with Worker(config) as worker:
        for (context, gold), positions in groups.items():
            predictions = [columns[2][p] for p in positions]
            verdicts = worker.run("compare", (context, gold, dialect), predictions, _lost)
            for position, verdict in zip(positions, verdicts, strict=True):
                found[position] = (verdict.outcome, verdict.reason, verdict.counterexample)
                done += 1
                progress(done, len(rows), "rows")
    answer = pd.DataFrame(found, columns=list(COLUMNS), index=rows.index, dtype=str)
    answer.insert(0, "example_id", rows["example_id"])
    return answer


def _lost(in_setup: bool) -> Verdict:
    if in_setup:
        return Verdict("undecided", "gold fails: too slow (its worker was stopped)")
    return Verdict("invalid", "too slow (its worker was stopped)")
