"""The door of the judging room."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten

import pandas as pd
from prefect import get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from tasks.common.store import StageOutput
from tasks.common.task import log_output, named_task, task_progress
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import choose_endpoint
from tasks.judging.verdicts import make_verdicts
from tasks.llm.asking import HOPELESS, Run
from tasks.llm.task import api_key

CHUNK_DELAYS_S = [10.0, 60.0]  # before a chunk's questions without an answer are asked again
SHOWN_ROWS, SHOWN_LETTERS = 200, 160


@named_task("judge {model_label}")
def judge(
    data: StageOutput,
    predictions: StageOutput,
    scores: StageOutput,
    model_label: str,
    config: JudgingConfig,
    local_model: StageOutput,
    store: str,
) -> StageOutput:
    """Have an LLM judge some of a model's predictions: stage `verdicts`.

    Each chunk of questions is a task run of its own, retried while some have no answer. Rows that never get one
    end as 'error', are told in the log and are asked again by the next run.
    """
    endpoint = choose_endpoint(config, api_key(config) if config.rows else None, local_model)
    progress = task_progress(f"{model_label} judged by {endpoint.name}")

    async def run_chunk(number: int, run: Run) -> None:
        chunk = Task(
            run,
            name="judge-chunk",
            task_run_name=f"judge {model_label}, chunk {number + 1}",
            retries=len(CHUNK_DELAYS_S),
            retry_delay_seconds=list(CHUNK_DELAYS_S),
            retry_condition_fn=_may_help,
            persist_result=False,
            cache_policy=NO_CACHE,
        )
        state: State = await chunk(return_state=True)  # type: ignore[misc]  # Prefect's overload forgets the await
        error = await state.aresult(raise_on_failure=False)
        if isinstance(error, HOPELESS):
            raise error

    output = make_verdicts(data, predictions, scores, config, endpoint, Path(store), progress, run_chunk)
    if output.counts["errors"]:
        get_run_logger().warning(
            "%s of %s rows got no answer; the next run asks for them again",
            output.counts["errors"],
            output.counts["rows"],
        )
    if output.counts["canaries_failed"]:
        get_run_logger().warning("The judge fell for rows whose verdict is known: %s", output.counts["canaries_failed"])
    _show(output, model_label)
    return log_output(output)


async def _may_help(_task: object, _run: TaskRun, state: State) -> bool:
    """Whether asking again can help: not against a wrong key or an empty account."""
    return not isinstance(await state.aresult(raise_on_failure=False), HOPELESS)


def _show(output: StageOutput, model_label: str) -> None:
    """A table of what was asked, the answers that no judge had to see last."""
    counts = output.counts
    if not counts["rows"]:
        return
    asked = pd.read_csv(output.file("exports/verdicts.csv"), dtype=str, keep_default_na=False)
    verdicts = pd.read_parquet(output.file("verdicts.parquet")).merge(asked, on="example_id")
    told = verdicts.sort_values("prompt_tokens", ascending=False, kind="stable").head(SHOWN_ROWS)
    create_table_artifact(
        [
            {
                "verdict": row.votes,
                "question": row.question,
                "gold": row.answer,
                "generated": shorten(str(row.gen_sql), SHOWN_LETTERS),
                "rationale": shorten(str(row.rationale), SHOWN_LETTERS),
            }
            for row in told.itertuples()
        ],
        key=f"verdicts-{model_label}",
        description=f"{counts['judge']} on {counts['rows']} answers of the {model_label}: {counts['yes']} yes, "
        f"{counts['no']} no, {counts['unjudged']} unjudged, {counts['errors']} without an answer; "
        f"${counts['usd']:.2f}",
    )
