"""The door of the data room: prepare the rows of a night and show what was made of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from tasks.common.store import StageOutput
from tasks.common.task import announce, log_output, named_task, task_progress
from tasks.data import held_back
from tasks.data.config import DataConfig
from tasks.data.prepare import prepare_data
from tasks.data.versions import compare_with_previous
from tasks.sql.config import SqlConfig


@named_task("prepare data")
def prepare(config: DataConfig, sql: SqlConfig, store: str) -> StageOutput:
    """Validate, split and draw the rows; the tables `data-summary` and `data-quarantine` show the result."""
    output = prepare_data(config, sql, Path(store), task_progress("Preparing data"))
    summary: dict[str, Any] = json.loads(output.file("summary.json").read_text("utf-8"))
    _log(summary)
    create_table_artifact(_summary_table(summary), key="data-summary", description=_headline(summary))
    if summary["reasons"]:
        create_table_artifact(
            [{"reason": reason, "rows": rows} for reason, rows in summary["reasons"].items()],
            key="data-quarantine",
            description=f"{summary['quarantined']} of {summary['rows']} rows are in quarantine; "
            "a row can have several reasons.",
        )
        create_table_artifact(
            [{**line, "reasons": "; ".join(line["reasons"])} for line in summary["quarantine"]["examples"]],
            key="data-quarantine-examples",
            description="Some rows in quarantine for each reason; all of them: quarantine.parquet.",
        )
    if not output.reused and not flow_run.get_parent_flow_run_id():  # inside a night, the night goes on by itself
        announce("data.new-version", output.key, store=store)
    return log_output(output)


@named_task("hold back")
def hold_back(data: StageOutput, rows: int, seed: int, store: str) -> StageOutput:
    """Take rows out of the training rows by which the best checkpoint is picked."""
    return log_output(held_back.hold_back(data, rows, seed, Path(store)))


@named_task("compare with the rows before")
def compare_rows(data: StageOutput, store: str) -> StageOutput | None:
    """Say which rows were added, removed or changed since the last time that they were others."""
    changes = compare_with_previous(data, Path(store))
    if changes is None:
        get_run_logger().info("These are the first rows of this store.")
        return None
    return log_output(changes)


def _headline(summary: dict[str, Any]) -> str:
    return (
        f"{summary['rows']} rows read, {summary['left_out']} not in the subset: "
        f"{summary['train']} to train on, {summary['eval']} to evaluate on, "
        f"{summary['quarantined']} quarantined, {summary['leaked_dropped']} dropped as leaked, "
        f"{summary['near_duplicates']} training questions nearly those of an evaluation row."
    )


def _log(summary: dict[str, Any]) -> None:
    logger = get_run_logger()
    logger.info("%s", _headline(summary))
    for reason, rows in summary["reasons"].items():
        logger.warning("quarantined: %s (%d rows)", reason, rows)
    for short in summary["short"]:
        logger.warning("%(split)s rows in %(language)s: asked for %(asked)d, found %(found)d", short)


def _summary_table(summary: dict[str, Any]) -> list[dict[str, Any]]:
    rows: Counter[tuple[str, str, str]] = Counter()
    for group in summary["by"]:
        rows[group["split"], group["language"], group["complexity"]] += group["rows"]
    return [
        {"split": split, "language": language, "complexity": complexity, "rows": count}
        for (split, language, complexity), count in sorted(rows.items())
    ]
