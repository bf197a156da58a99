"""Generate, score, judge: how a model is measured, and the model in use measured on its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from flows.checks import check_before_start
from flows.naming import since
from flows.prepare import DEFAULT, prepare_data
from flows.runner import RUNNER, run
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.data.task import compare_rows
from tasks.inference.task import generate_sql
from tasks.judging.task import judge
from tasks.models.records import Version
from tasks.models.task import fetch_base, model_in_use
from tasks.prompts.prompt import Prompt
from tasks.reporting.night import NightRefs
from tasks.reporting.task import report, tell_failure
from tasks.scoring.refs import ModelRefs
from tasks.scoring.task import make_databases, score


def evaluate(
    version: Version, role: str, data: StageOutput, base: StageOutput, prompt: Prompt, config: NightlyConfig
) -> ModelRefs:
    """Generate SQL for the held-out rows, run it, and have a sample judged.

    A model answers under the prompt it was tuned with; a base model, tuned with none, under tonight's.
    """
    own = Prompt.of_model(Path(version.path)) or prompt
    predictions = run(
        generate_sql, version.output(), data, own, config.inference, config.model.precision, config.store, role
    )
    databases = run(make_databases, data, config.sql, config.store)
    scores = run(score, data, databases, predictions, role, config.sql, config.store)
    verdicts = run(judge, data, predictions, scores, role, config.judging, base, config.store)
    return ModelRefs(label=version.name, predictions=predictions, scores=scores, verdicts=verdicts)


@flow(
    name="evaluate-model",
    flow_run_name=since("evaluation"),
    task_runner=RUNNER,
    on_failure=[tell_failure],
    on_crashed=[tell_failure],
    on_cancellation=[tell_failure],
)
def evaluate_model(config: NightlyConfig = DEFAULT) -> None:
    """Measure the model in use on the held-out rows; nothing is trained or promoted."""
    started = datetime.now(UTC)
    prompt = check_before_start(config)
    data = prepare_data(config)
    base = run(fetch_base, config.model, config.store)
    champion = model_in_use(base, prompt, config.store)
    report(
        NightRefs(
            run_name=flow_run.get_name() or "by hand",
            started=started,
            config=config.model_dump(mode="json"),
            data=data,
            data_changes=compare_rows(data, config.store),
            base_model=base,
            champion=evaluate(champion, "champion", data, base, prompt, config),
        ),
        config.report,
        config.store,
    )
