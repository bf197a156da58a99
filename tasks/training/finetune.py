"""Fine-tuning as a stage: starts the training script, and shrinks its batch when memory runs out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tasks.common.errors import StageError
from tasks.common.process import OutOfMemoryError, run_module
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.models.base import CHILD_ENV
from tasks.prompts.prompt import Prompt
from tasks.training.config import TrainingConfig


def finetune(
    base: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: TrainingConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Train an adapter for `base` on the training rows of `data`.

    When memory runs out, the micro-batch is halved and the accumulation doubled, which keeps the effective
    batch, and training goes on from its last checkpoint.

    Raises:
        StageError: training failed, passed its deadline, or not even one row fits in memory.
    """

    def build(folder: Path) -> Counts:
        job = {
            "base": base.path,
            "train": str(data.file("train.parquet")),
            "prompt": prompt.model_dump(),
            "dtype": dtype,
            "folder": str(folder),
        }
        smaller = train_with_backoff(job, config, folder, progress)
        return _finish(folder, config, smaller)

    return run_stage(
        store,
        "adapter",
        inputs={
            "base": base.sha256,
            "data": data.sha256,
            "prompt": prompt.hash,
            "dtype": dtype,
            "training": config.model_dump(mode="json", exclude={"deadline_s"}),
        },
        code=["tasks.training", "tasks.prompts"],
        build=build,
        resume=True,
    )


def train_with_backoff(job: dict[str, Any], config: TrainingConfig, folder: Path, progress: Progress) -> TrainingConfig:
    """Run the training script, with ever smaller micro-batches if memory runs out; returns what it ended with."""
    while True:
        told = job | {"training": config.model_dump(mode="json")}
        try:
            run_module(
                "tasks.training.train",
                told,
                folder,
                deadline_s=config.deadline_s,
                progress=progress,
                launcher=launcher(),
                env=CHILD_ENV,
            )
            return config
        except OutOfMemoryError:
            if config.batch_size == 1:
                raise StageError(
                    "training ran out of memory with one row at a time: lower training.max_length, set "
                    "training.activation_checkpointing, or take a smaller base model"
                ) from None
            config = halved(config)


def halved(config: TrainingConfig) -> TrainingConfig:
    """Half the micro-batch, and the accumulation that keeps the effective batch."""
    batch = config.batch_size // 2
    effective = config.batch_size * config.gradient_accumulation
    return config.model_copy(update={"batch_size": batch, "gradient_accumulation": -(-effective // batch)})


def launcher() -> tuple[str, ...]:
    """`accelerate launch` for one process with all processors this process may use."""
    options = "--num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no"
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (
        "-m",
        "accelerate.commands.launch",
        *options.split(),
        "--num_cpu_threads_per_process",
        str(threads),
    )


def _finish(folder: Path, config: TrainingConfig, ended_with: TrainingConfig) -> Counts:
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
    training = json.loads((folder / "training.json").read_text("utf-8"))
    measured: Counts = json.loads((folder / LOGS / "measured.json").read_text("utf-8"))
    counts: Counts = {"rows": training["rows"], "too_long": training["too_long"], "steps": training["steps"]}
    if training["loss"]:
        counts |= {"first_loss": training["loss"][0][1], "last_loss": training["loss"][-1][1]}
    if ended_with != config:
        counts["batch_size_after_out_of_memory"] = ended_with.batch_size
    return counts | measured
