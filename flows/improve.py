"""Learning from mistakes: the model in use answers training questions, and goes on from what it got right and wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from flows.checks import check_before_start
from flows.contest import contest
from flows.finetune import merge_and_compare
from flows.naming import since
from flows.prepare import DEFAULT, prepare_data
from flows.runner import RUNNER, run
from tasks.config import NightlyConfig
from tasks.improving.start import start_of
from tasks.improving.task import learn, make_lessons, sample_answers, start_from, verify_answers
from tasks.models.task import fetch_base
from tasks.reporting.task import tell_failure


def check_before_improving(config: NightlyConfig) -> None:
    """As before a night; besides, a tuned model has to be in use, with its adapter.

    Raises:
        InputError: one line that says what is wrong.
    """
    check_before_start(config)
    start_of(Path(config.store))


@flow(
    name="improve-model",
    flow_run_name=since("improvement"),
    task_runner=RUNNER,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
)
def improve_model(config: NightlyConfig = DEFAULT) -> None:
    """Sample answers, run them, learn from them, and replace the model in use if the gate says so."""
    started = datetime.now(UTC)
    check_before_improving(config)
    dtype, store = config.model.precision, config.store
    base = run(fetch_base, config.model, store)
    start = start_from(base, store)
    data = prepare_data(config)
    sampled = run(sample_answers, start, data, config.improve, config.inference, dtype, store)
    verified = run(verify_answers, sampled, config.inference, config.sql, store)
    lessons = run(make_lessons, sampled, verified, config.improve, store)
    adapter = run(
        learn, base, start, lessons, config.improve, config.training, config.inference, config.sql, dtype, store
    )
    contest(merge_and_compare(base, adapter, data, start.prompt, config), start.prompt, config, started)
