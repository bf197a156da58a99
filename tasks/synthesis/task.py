"""The door of the synthesis room."""

from __future__ import annotations

import json
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_table_artifact

from tasks.common.store import StageOutput
from tasks.common.task import log_output, named_task, task_progress
from tasks.llm.endpoint import needed_endpoint
from tasks.llm.task import api_key
from tasks.synthesis.config import CleaningConfig, SynthesisConfig
from tasks.synthesis.stages import SUMMARY, make_cleaning, make_synthesis


@named_task("synthesize data")
def synthesize(config: SynthesisConfig) -> StageOutput:
    """Have rows written: stage `synthesis`; the tables `synthesis` and `synthesis-refused` show the result."""
    endpoint = needed_endpoint(config, api_key(config))
    output = make_synthesis(config, endpoint, task_progress(f"Rows written by {endpoint.name}"))
    summary = _summary(output)
    made = f"{summary['accepted']} rows on {summary['schemas']} schemas, {summary['refused']} refused"
    create_table_artifact(summary["by"], key="synthesis", description=_headline(made, summary))
    create_table_artifact(
        [{"reason": reason, "refused": n} for reason, n in summary["refused_by_reason"].items()],
        key="synthesis-refused",
        description="What was not taken, and why; details in refused.parquet.",
    )
    return _told(output, summary)


@named_task("clean data")
def clean(config: CleaningConfig) -> StageOutput:
    """Have rows looked at: stage `cleaning`; the table `cleaning` shows the result."""
    endpoint = needed_endpoint(config, api_key(config))
    output = make_cleaning(config, endpoint, task_progress(f"Rows looked at by {endpoint.name}"))
    summary = _summary(output)
    fit = summary["kept"] - summary["undecided"]
    counts = {"fit": fit, "undecided (kept)": summary["undecided"], "unfit": summary["refused"]}
    create_table_artifact(
        [{"verdict": verdict, "rows": n} for verdict, n in counts.items()],
        key="cleaning",
        description=_headline(f"{summary['kept']} of {summary['rows']} rows kept", summary),
    )
    return _told(output, summary)


def _summary(output: StageOutput) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(output.file(SUMMARY).read_text("utf-8"))
    return summary


def _headline(made: str, summary: dict[str, Any]) -> str:
    tokens = summary["prompt_tokens"] + summary["completion_tokens"]
    return (
        f"{made}. Ended as {summary['stopped']}. {summary['asked']} requests sent, {summary['from_journal']} answers "
        f"there already, {summary['unanswered']} without an answer; {tokens:,} tokens, ${summary['usd']:.2f}."
    )


def _told(output: StageOutput, summary: dict[str, Any]) -> StageOutput:
    if summary["unanswered"]:
        get_run_logger().warning("%s requests got no answer; the next run sends them again", summary["unanswered"])
    return log_output(output)
