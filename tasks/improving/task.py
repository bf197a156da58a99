"""The door of improving."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from tasks.common.store import StageOutput
from tasks.common.task import log_output, named_task, one_training, task_progress
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


@named_task("model to improve")
def start_from(base: StageOutput, store: str) -> Start:
    """The model in use with its adapter, made from `base`."""
    start = start_of(Path(store))
    check_start(start, base)
    get_run_logger().info("in use, and to be improved: %s, adapter %s", start.version.name, start.adapter.key[:8])
    return start


@named_task("sample answers", again_if_killed=True)
def sample_answers(
    start: Start, data: StageOutput, config: ImproveConfig, inference: InferenceConfig, dtype: str, store: str
) -> StageOutput:
    """Ask the model in use training questions, several answers to each."""
    model, progress = start.version.output(), task_progress("sample answers")
    return log_output(sample(model, data, start.prompt, config, inference, dtype, Path(store), progress))


@named_task("verify answers")
def verify_answers(sampled: StageOutput, inference: InferenceConfig, sql: SqlConfig, store: str) -> StageOutput:
    """Run every answer beside its gold query."""
    return log_output(verify(sampled, inference, sql, Path(store), task_progress("verify answers")))


@named_task("make lessons")
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


@named_task("learn from answers", again_if_killed=True)
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
