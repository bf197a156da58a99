"""The door of the judging room."""

from __future__ import annotations

import os
from pathlib import Path

from prefect import get_run_logger, task
from prefect.blocks.system import Secret
from prefect.cache_policies import NO_CACHE

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.common.task import log_output, task_progress
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import choose_endpoint
from tasks.judging.verdicts import make_verdicts


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
    endpoint = choose_endpoint(config, _key(config), local_model)
    progress = task_progress(f"{model_label} judged by {endpoint.name}")
    output = make_verdicts(data, predictions, config, endpoint, Path(store), progress)
    if output.counts["errors"]:
        get_run_logger().warning(
            "%s of %s rows got no answer; the next run asks for them again",
            output.counts["errors"],
            output.counts["rows"],
        )
    return log_output(output)


def _key(config: JudgingConfig) -> str | None:
    if config.secret_block is None or config.rows == 0:
        return os.environ.get("OPENAI_API_KEY")
    try:
        return str(Secret.load(config.secret_block).get())  # type: ignore[union-attr]
    except ValueError:
        raise InputError(f"judging.secret_block: no Secret block '{config.secret_block}'") from None
