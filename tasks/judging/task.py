"""The door of the judging room."""

from __future__ import annotations

from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.common.store import StageOutput
from tasks.common.task import log_output, task_progress
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import choose_endpoint
from tasks.judging.verdicts import make_verdicts
from tasks.llm.task import api_key


@task(task_run_name="judge {model_label}", persist_result=False, cache_policy=NO_CACHE)
def judge(
    data: StageOutput,
    predictions: StageOutput,
    model_label: str,
    config: JudgingConfig,
    local_model: StageOutput,
    store: str,
) -> StageOutput:
    """Have an LLM judge some of a model's predictions: stage `verdicts`.

    Rows without an answer end as 'error', are told in the log and are asked again by the next run.
    """
    endpoint = choose_endpoint(config, api_key(config) if config.rows else None, local_model)
    progress = task_progress(f"{model_label} judged by {endpoint.name}")
    output = make_verdicts(data, predictions, config, endpoint, Path(store), progress)
    if output.counts["errors"]:
        get_run_logger().warning(
            "%s of %s rows got no answer; the next run asks for them again",
            output.counts["errors"],
            output.counts["rows"],
        )
    if output.counts["canaries_failed"]:
        get_run_logger().warning("The judge fell for rows whose verdict is known: %s", output.counts["canaries_failed"])
    return log_output(output)
