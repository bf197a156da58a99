"""One round of improvement, from a model in use to an adapter that goes on from its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tasks.common.progress import Progress, silent
from tasks.common.store import StageOutput
from tasks.improving.config import ImproveConfig
from tasks.improving.learn import learn
from tasks.improving.lessons import check_lessons, make_lessons
from tasks.improving.sample import sample
from tasks.improving.verify import verify
from tasks.inference.config import InferenceConfig
from tasks.prompts.prompt import Prompt
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig


class Improved(NamedTuple):
    """What a round made, in its order."""

    sampled: StageOutput
    verified: StageOutput
    lessons: StageOutput
    adapter: StageOutput


def improved(
    base: StageOutput,
    adapter: StageOutput,
    merged: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: ImproveConfig,
    training: TrainingConfig,
    inference: InferenceConfig,
    sql: SqlConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
) -> Improved:
    """Sample, verify, make the sets and train on.

    Args:
        base: the base model.
        adapter: the adapter to go on from.
        merged: both in one, which answers.
        data: prepared rows; only its training rows are asked and learned from.
        prompt: the one `adapter` was trained with.
        config: the round; `training`, `inference`, `sql` and `dtype` are those of a night.
        training: see `config`.
        inference: see `config`.
        sql: see `config`.
        dtype: see `config`.
        store: root folder of the store.
        progress: hears how far each stage is.

    Raises:
        InputError: the model was tuned with another prompt, or nothing that is learned fits in `training.max_length`.
        StageError: a held-out database is among the training rows, there is nothing to learn, or a stage failed.
    """
    sampled = sample(merged, data, prompt, config, inference, dtype, store, progress)
    verified = verify(sampled, inference, sql, store, progress)
    lessons = make_lessons(sampled, verified, config, store)
    check_lessons(lessons, config.method)
    after = learn(base, adapter, lessons, prompt, config, training, inference, sql, dtype, store, progress)
    return Improved(sampled, verified, lessons, after)
