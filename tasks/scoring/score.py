"""Scores: every prediction beside its gold query, by exact match and by execution."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.exact import exact_match
from tasks.sql.execution import compare, freeze

COLUMNS = [
    "example_id", "db_id", "language", "domain", "complexity", "question", "gold", "sql",
    "em", "em_canonical", "outcome", "correct", "reason", "counterexample",
]  # fmt: skip


def score_rows(
    rows: pd.DataFrame,
    predictions: pd.DataFrame,
    sql_config: SqlConfig,
    progress: Progress = silent,
    databases: Path | None = None,
) -> pd.DataFrame:
    """Score every prediction against its row.

    Args:
        rows: evaluation rows.
        predictions: `example_id` and `sql`, in any order.
        sql_config: the generated databases.
        progress: hears how many rows were run.
        databases: folder of the rows' frozen databases (`freeze_databases`); without it they are made now.

    Returns:
        One line a row in the order of `rows`, with the columns `COLUMNS`.

    Raises:
        InputError: a row without a prediction, a prediction without a row, or two for one row.
    """
    _check_ids(rows["example_id"], predictions["example_id"])
    joined = rows.rename(columns={"answer": "gold"}).merge(predictions[["example_id", "sql"]], on="example_id")
    joined["em"] = [exact_match(g, s) for g, s in zip(joined["gold"], joined["sql"], strict=True)]
    queries = joined.rename(columns={"sql": "prediction"})[["example_id", "context", "gold", "prediction"]]
    compared = [
        compare(queries[joined["dialect"] == dialect], str(dialect), sql_config, progress, databases=databases)
        for dialect in joined["dialect"].unique()
    ]
    compared_rows = pd.concat(compared).rename(columns={"canonical": "em_canonical"})
    scores = joined.merge(compared_rows, on="example_id", validate="1:1")
    if len(scores) != len(rows):
        raise AssertionError(f"execution answered {len(scores)} of {len(rows)} rows")
    scores["correct"] = scores["outcome"] == "equal"
    return scores[COLUMNS]


def _check_ids(rows: pd.Series, predictions: pd.Series) -> None:
    problems = {
        "no prediction for": sorted(set(rows) - set(predictions)),
        "predictions for unknown rows": sorted(set(predictions) - set(rows)),
        "more than one prediction for": sorted(predictions[predictions.duplicated()].unique()),
    }
    found = [f"{what} {_named(ids)}" for what, ids in problems.items() if ids]
    if found:
        raise InputError(
            f"predictions: {'; '.join(found)}; expected one prediction for each of the {len(rows)} evaluation rows"
        )


def _named(ids: Iterable[str], most: int = 5) -> str:
    listed = list(ids)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def freeze_databases(
    rows: pd.DataFrame, sql_config: SqlConfig, folder: Path, progress: Progress = silent
) -> dict[str, int]:
    """Write the databases of all evaluation rows into a folder, once for all models.

    Returns:
        Counts: schemas, gold queries, databases, bytes.
    """
    return freeze(rows.rename(columns={"answer": "gold"}), sql_config, folder, progress)
