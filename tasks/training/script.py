"""What training scripts share: how they go on, and what they write beside an adapter."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tasks.common.process import tell_progress
from tasks.common.store import LOGS
from tasks.models.loading import device_name, peak_megabytes
from tasks.training.config import TrainingConfig
from tasks.training.gpus import GPUS
from tasks.training.memory import Memory
from tasks.training.usage import Usage

DECIDING = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "bitsandbytes",
)  # packages of which another version trains otherwise


def last_checkpoint(folder: Path) -> str | None:
    """Where a run that was killed goes on: the last whole checkpoint; the trainer's state is written last."""
    found = sorted((folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for checkpoint in reversed(found):
        with suppress(OSError, ValueError):
            json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
            return str(checkpoint)
    return None


def in_fp32(model: Any) -> None:
    """Hold what is trained in fp32."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


class Tell(TrainerCallback):
    """Tells the parent process how far training is."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After every optimizer step."""
        if state.is_world_process_zero:
            tell_progress(state.global_step, state.max_steps, "steps")


def write_training(folder: Path, trainer: Any, config: TrainingConfig, told: dict[str, Any]) -> None:
    """Write training.json: how the adapter came about, part of what it is; `told` with its `rows` and `too_long`."""
    training = {
        "quantization": config.quantization,
        **told,
        "steps": trainer.state.global_step,
        "loss": [[entry["step"], round(entry["loss"], 4)] for entry in trainer.state.log_history if "loss" in entry],
        "seed": config.seed,
        "versions": {name: version(name) for name in DECIDING},
    }
    (folder / "training.json").write_text(json.dumps(training))


def write_measured(
    folder: Path, trainer: Any, config: TrainingConfig, usage: Usage, predicted: Memory | None = None
) -> None:
    """Time and memory of this run: beside the adapter, not part of it."""
    measured = {
        "train_seconds": round(usage.seconds, 1),
        "cpu_seconds": round(time.process_time(), 1),
        **usage.speed(trainer.model, GPUS.get(config.gpu or "")),
        "peak_mb": peak_megabytes(),
        "device": device_name(),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
    if predicted:
        held = usage.megabytes(trainer.model, trainer.optimizer)
        memory = [
            {"part": part, "predicted_mb": round(value, 1), "measured_mb": held.get(part)}
            for part, value in predicted._asdict().items()
        ]
        (folder / LOGS / "memory.json").write_text(json.dumps(memory))
        measured["predicted_mb"] = round(predicted.total)
    (folder / LOGS / "measured.json").write_text(json.dumps(measured))
