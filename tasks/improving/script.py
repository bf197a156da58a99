"""What the training scripts of this room share: how they begin, go on, save and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import Trainer

from tasks.models.loading import load_model
from tasks.prompts.prompt import Prompt
from tasks.training.config import TrainingConfig
from tasks.training.script import in_fp32, last_checkpoint, write_measured, write_training
from tasks.training.usage import Usage


def load_start(job: dict[str, Any], quantization: str) -> PeftModel:
    """The adapter in `job["start"]` on its base, to be trained on.

    Its weights are held in fp32: the small steps of these methods would be rounded away in bfloat16.
    """
    model = load_model(job["base"], job["dtype"], quantization)
    pair = PeftModel.from_pretrained(model, job["start"], is_trainable=True)
    in_fp32(pair)
    return pair


def train_and_save(
    trainer: Trainer, job: dict[str, Any], config: TrainingConfig, prompt: Prompt, told: dict[str, Any]
) -> None:
    """Train, from the last checkpoint if there is one, and leave a folder as fine-tuning does.

    `told` goes into training.json: `rows`, `too_long` and what else the method wants known.
    """
    folder, usage = Path(job["folder"]), Usage()
    usage.watch(trainer)
    trainer.add_callback(usage)
    trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    if not trainer.is_world_process_zero():
        return
    trainer.model.save_pretrained(folder)
    prompt.save(folder)
    write_training(folder, trainer, config, told)
    write_measured(folder, trainer, config, usage)
