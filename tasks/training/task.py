"""The door of the training room."""

from __future__ import annotations

from pathlib import Path

from tasks.common.store import StageOutput
from tasks.common.task import log_output, named_task, one_training, task_progress
from tasks.prompts.prompt import Prompt
from tasks.training.choose import choose
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune as run_finetune


@named_task("fine-tune", again_if_killed=True)
def finetune(
    base: StageOutput, data: StageOutput, prompt: Prompt, config: TrainingConfig, dtype: str, store: str
) -> StageOutput:
    """Train an adapter (QLoRA) in a process of its own."""
    with one_training():
        output = run_finetune(base, data, prompt, config, dtype, Path(store), task_progress("fine-tune"))
    return log_output(output)


@named_task("choose checkpoint")
def choose_checkpoint(adapter: StageOutput, tried: list[tuple[StageOutput, StageOutput]], store: str) -> StageOutput:
    """Of the adapter's checkpoints, each with its scores, take the one that is right most often."""
    return log_output(choose(adapter, [(one, float(scores.counts["ex"])) for one, scores in tried], Path(store)))
