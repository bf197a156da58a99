"""From lessons to an adapter that goes on from the one in use; it lies where those of nights lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.improving.config import ImproveConfig
from tasks.inference.config import InferenceConfig
from tasks.prompts.prompt import Prompt
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune, finish, train_with_backoff

# Of the learning rate of training: what is preferred is learned with far smaller steps than what is written.
LEARNING_RATE = {"rejection": 1 / 4, "dpo": 1 / 40, "grpo": 1 / 40}


def learn(
    base: StageOutput,
    adapter: StageOutput,
    lessons: StageOutput,
    prompt: Prompt,
    config: ImproveConfig,
    training: TrainingConfig,
    inference: InferenceConfig,
    sql: SqlConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Train on from `adapter` by `config.method`, as `training` says where `config` does not.

    Raises:
        InputError: no row or pair fits in `training.max_length`.
        StageError: training failed, passed its deadline, or ran out of memory with one pair at a time.
    """
    settings = settings_of(adapter, config, training)
    if config.method == "rejection":
        return finetune(base, lessons, prompt, settings, dtype, store, progress, start=adapter)
    module = f"tasks.improving.{config.method}"
    file, own = _dpo(config) if config.method == "dpo" else _grpo(config, inference, sql)

    def build(folder: Path) -> Counts:
        job = {
            "base": base.path,
            "start": adapter.path,
            "rows": str(lessons.file(file)),
            "prompt": prompt.model_dump(),
            "dtype": dtype,
            "folder": str(folder),
            **own,
        }
        return finish(folder, settings, train_with_backoff(job, settings, folder, progress, module))

    return run_stage(
        store,
        "adapter",
        inputs={
            "base": base.sha256,
            "start": adapter.sha256,
            "data": lessons.sha256,
            "prompt": prompt.hash,
            "dtype": dtype,
            "training": settings.model_dump(mode="json", exclude={"deadline_s", "gpu"}),
            config.method: own,
        },
        code=[module, "tasks.improving.script", "tasks.training", "tasks.prompts"],
        build=build,
        resume=True,
    )


def _dpo(config: ImproveConfig) -> tuple[str, dict[str, Any]]:
    return "pairs.parquet", {"beta": config.beta, "sft_weight": config.sft_weight}


def _grpo(config: ImproveConfig, inference: InferenceConfig, sql: SqlConfig) -> tuple[str, dict[str, Any]]:
    return "mixed.parquet", {
        "answers": config.answers_per_question,
        "temperature": config.temperature,
        "max_new_tokens": inference.max_new_tokens,
        "sql": sql.model_dump(mode="json"),
    }


def settings_of(adapter: StageOutput, config: ImproveConfig, training: TrainingConfig) -> TrainingConfig:
    """The settings of training for a round; the base is held as it was when `adapter` was trained."""
    held = json.loads(adapter.file("training.json").read_text("utf-8"))["quantization"]
    rate = config.learning_rate or training.learning_rate * LEARNING_RATE[config.method]
    changes = {
        "quantization": held,
        "learning_rate": rate,
        "epochs": config.epochs,
        "seed": config.seed,
        "validation_rows": 0,
    }
    return training.model_copy(update=changes)
