"""The door of improving."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.common.store import StageOutput
from tasks.common.task import log_output, one_training, task_progress, was_killed
from tasks.improving import lessons as sets
from tasks.improving.config import ImproveConfig
from tasks.improving.learn import learn as run_learning
from tasks.improving.sample import sample
from tasks.improving.start import Start, check_start, start_of
from tasks.improving.table import round_table
from tasks.improving.verify import verify
from tasks.inference.config import InferenceConfig
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig


@task(name="model to improve", task_run_name="model to improve", cache_policy=NO_CACHE, persist_result=False)
def start_from(base: StageOutput, store: str) -> Start:
    """The model in use with its adapter, made from `base`."""
    start = start_of(Path(store))
    check_start(start, base)
    get_run_logger().info("in use, and to be improved: %s, adapter %s", start.version.name, start.adapter.key[:8])
    return start


@task(
    name="sample answers",
    task_run_name="sample answers",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_condition_fn=was_killed,
)
def sample_answers(
    start: Start, data: StageOutput, config: ImproveConfig, inference: InferenceConfig, dtype: str, store: str
) -> StageOutput:
    """Ask the model in use training questions, several answers to each."""
    model, progress = start.version.output(), task_progress("sample answers")
    return log_output(sample(model, data, start.prompt, config, inference, dtype, Path(store), progress))


@task(name="verify answers", task_run_name="verify answers", cache_policy=NO_CACHE, persist_result=False)
def verify_answers(sampled: StageOutput, inference: InferenceConfig, sql: SqlConfig, store: str) -> StageOutput:
    """Run every answer beside its gold query."""
    return log_output(verify(sampled, inference, sql, Path(store), task_progress("verify answers")))


@task(name="make lessons", task_run_name="make lessons", cache_policy=NO_CACHE, persist_result=False)
def make_lessons(sampled: StageOutput, verified: StageOutput, config: ImproveConfig, store: str) -> StageOutput:
    """What is to be learned; the table `improvement` shows how the model did and what was made of it."""
    lessons = log_output(sets.make_lessons(sampled, verified, config, Path(store)))
    table = round_table(
        pd.read_parquet(sampled.file("questions.parquet")),
        pd.read_parquet(verified.file("verified.parquet")),
        pd.read_parquet(lessons.file("train.parquet")),
        pd.read_parquet(lessons.file("pairs.parquet")),
    )
    create_table_artifact(
        [{str(name): cell for name, cell in line.items()} for line in table.to_dict("records")],
        key="improvement",
        description=f"Answers of the model in use to training questions, and what is made of them ({config.method}).",
    )
    sets.check_lessons(lessons, config.method)
    return lessons


@task(
    name="learn from answers",
    task_run_name="learn from answers",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_condition_fn=was_killed,
)
def learn(
    base: StageOutput,
    start: Start,
    lessons: StageOutput,
    config: ImproveConfig,
    training: TrainingConfig,
    inference: InferenceConfig,
    sql: SqlConfig,
    dtype: str,
    store: str,
) -> StageOutput:
    """Train on from the adapter in use, in a process of its own."""
    progress = task_progress(f"learn by {config.method}")
    with one_training():
        return log_output(
            run_learning(
                base,
                start.adapter,
                lessons,
                start.prompt,
                config,
                training,
                inference,
                sql,
                dtype,
                Path(store),
                progress,
            )
        )
