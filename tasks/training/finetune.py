"""Fine-tuning as a stage: starts the training script, and shrinks its batch when memory runs out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError, StageError
from tasks.common.process import OutOfMemoryError, run_module
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.models.base import CHILD_ENV
from tasks.prompts.prompt import FILE, Prompt
from tasks.training.choose import CANDIDATES
from tasks.training.config import TrainingConfig

CONFIGURATIONS = Path(__file__).parents[2] / "deployments" / "accelerate"
HELD_BACK = "held_back"  # the stage of data whose evaluation rows are training rows held back


def finetune(
    base: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: TrainingConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
    start: StageOutput | None = None,
) -> StageOutput:
    """Train an adapter for `base` on the training rows of `data`, from new or from the adapter `start`.

    When memory runs out, the micro-batch is halved and the accumulation doubled, which keeps the effective batch, and
    at last activations are recomputed; training goes on from its last checkpoint.

    Raises:
        StageError: training failed, passed its deadline, or not even one row fits in memory; or a best checkpoint
            is to be picked and `data` has no rows held back for that (stage 'held_back').
    """
    if config.validation_rows and data.stage != HELD_BACK:
        raise StageError("training.validation_rows: no training rows were held back, only evaluation rows are there")

    def build(folder: Path) -> Counts:
        job = {
            "base": base.path,
            "start": start.path if start else None,
            "train": str(data.file("train.parquet")),
            "held_back": str(data.file("eval.parquet")) if config.validation_rows else None,
            "prompt": prompt.model_dump(),
            "dtype": dtype,
            "folder": str(folder),
        }
        smaller = train_with_backoff(job, config, folder, progress)
        return finish(folder, config, smaller)

    return run_stage(
        store,
        "adapter",
        inputs={
            "base": base.sha256,
            "data": data.sha256,
            "prompt": prompt.hash,
            "dtype": dtype,
            "start": start.sha256 if start else None,
            "training": config.model_dump(mode="json", exclude={"deadline_s", "gpu"}),
        },
        code=["tasks.training", "tasks.prompts"],
        build=build,
        resume=True,
    )


def train_with_backoff(
    job: dict[str, Any], config: TrainingConfig, folder: Path, progress: Progress, module: str = "tasks.training.train"
) -> TrainingConfig:
    """Run a training script, with ever smaller micro-batches if memory runs out; returns what it ended with."""
    while True:
        told = job | {"training": config.model_dump(mode="json")}
        try:
            run_module(
                module,
                told,
                folder,
                deadline_s=config.deadline_s,
                progress=progress,
                launcher=launcher(config.accelerate),
                env=CHILD_ENV,
            )
            return config
        except OutOfMemoryError:
            less = smaller(config)
            if less is None:
                raise StageError(
                    "training ran out of memory with one row at a time and its activations recomputed: lower "
                    "training.max_length, or take a smaller base model"
                ) from None
            config = less


def smaller(config: TrainingConfig) -> TrainingConfig | None:
    """The same steps with less memory: half the sequences at once, then half the rows in each, then none kept.

    Accumulation makes up for what is halved. What is not kept, the activations, is computed again in the backward pass.
    None when that is done already.
    """
    if config.batch_size * config.rows_per_sequence == 1:
        return None if config.activation_checkpointing else config.model_copy(update={"activation_checkpointing": True})
    halved = "batch_size" if config.batch_size > 1 else "rows_per_sequence"
    before = getattr(config, halved)
    accumulation = -(-before * config.gradient_accumulation // (before // 2))
    return config.model_copy(update={halved: before // 2, "gradient_accumulation": accumulation})


def launcher(configuration: str | None = None) -> tuple[str, ...]:
    """`accelerate launch` as an accelerate configuration says, or for one process with all processors we may use.

    Raises:
        InputError: there is no such configuration.
    """
    launch = ("-m", "accelerate.commands.launch")
    if configuration:
        return (*launch, "--config_file", str(accelerate_file(configuration)))
    options = "--num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no"
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (*launch, *options.split(), "--num_cpu_threads_per_process", str(threads))


def accelerate_file(name: str) -> Path:
    """The file of an accelerate configuration: `deployments/accelerate/NAME.yaml` or a path.

    Raises:
        InputError: there is no such file.
    """
    for file in (CONFIGURATIONS / f"{name}.yaml", Path(name)):
        if file.is_file():
            return file
    known = ", ".join(sorted(p.stem for p in CONFIGURATIONS.glob("*.yaml")))
    raise InputError(f"training.accelerate: '{name}' is neither a file nor one of: {known}")


def finish(folder: Path, config: TrainingConfig, ended_with: TrainingConfig) -> Counts:
    """Leave in a trained adapter's folder what is used later, and count; its other checkpoints are adapters, too."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    for card in folder.rglob("README.md"):
        card.unlink()  # peft's empty model card
    for file in folder.rglob("adapter_config.json"):  # peft holds the layers in a set: the same adapter, another hash
        described = json.loads(file.read_text("utf-8"))
        if isinstance(described["target_modules"], list):
            described["target_modules"].sort()
            file.write_text(json.dumps(described, indent=2, sort_keys=True), "utf-8")
    for candidate in folder.glob(f"{CANDIDATES}/step-*"):
        for name in ("training.json", FILE):
            shutil.copy(folder / name, candidate / name)
    training = json.loads((folder / "training.json").read_text("utf-8"))
    measured: Counts = json.loads((folder / LOGS / "measured.json").read_text("utf-8"))
    counts: Counts = {"rows": training["rows"], "too_long": training["too_long"], "steps": training["steps"]}
    if training["loss"]:
        counts |= {"first_loss": training["loss"][0][1], "last_loss": training["loss"][-1][1]}
    if ended_with != config:
        counts["rows_at_once_after_out_of_memory"] = ended_with.batch_size * ended_with.rows_per_sequence
        counts["activations_after_out_of_memory"] = "recomputed" if ended_with.activation_checkpointing else "kept"
    return counts | measured
