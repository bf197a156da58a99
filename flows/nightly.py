"""The night: retrain, evaluate, and replace the model in use if the new one is shown to be better."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow

from flows.checks import check_before_start
from flows.contest import contest
from flows.finetune import finetune_model
from flows.naming import since
from flows.prepare import DEFAULT
from flows.runner import RUNNER
from tasks.config import NightlyConfig
from tasks.reporting.task import tell_failure


@flow(
    name="retrain-and-evaluate",
    flow_run_name=since("night"),
    task_runner=RUNNER,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
)
def retrain_and_evaluate(config: NightlyConfig = DEFAULT) -> None:
    """Validate, fine-tune, merge, generate, score, judge, decide, publish, promote, report."""
    started = datetime.now(UTC)
    prompt = check_before_start(config)
    contest(finetune_model(config), prompt, config, started)
