"""The training script: QLoRA fine-tuning, from rows to adapter, top to bottom.

Started by `tasks.training.finetune` as `accelerate launch -m tasks.training.train JOB.json`; the job names the
base model's folder, the training rows, the prompt and the output folder.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from peft import LoraConfig
from torch.nn.functional import cross_entropy
from transformers import TrainerCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from tasks.common.errors import InputError
from tasks.common.process import give_up_memory, read_job, refuse_input, tell_progress
from tasks.models.loading import device_name, load_model, load_tokenizer, peak_megabytes
from tasks.prompts.prompt import Prompt
from tasks.training.config import TrainingConfig
from tasks.training.packing import IGNORED, collate, pack


def main(job: dict[str, Any]) -> None:
    """Train an adapter and save it; a run that was killed goes on from its last checkpoint."""
    config = TrainingConfig.model_validate(job["training"])
    prompt = Prompt.model_validate(job["prompt"])
    folder = Path(job["folder"])
    set_seed(config.seed)

    tokenizer = load_tokenizer(job["base"])
    rows = pd.read_parquet(job["train"])
    dataset, too_long = to_dataset(rows, prompt, tokenizer, config)

    model = load_model(job["base"], job["dtype"], config.quantization)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=(
            config.target_modules if isinstance(config.target_modules, str) else list(config.target_modules)
        ),
    )
    trainer = (SFTTrainer if torch.cuda.is_available() else CompletionTrainer)(
        model=model,
        args=trainer_arguments(config, folder, job["dtype"], sequences=len(dataset)),
        train_dataset=dataset,
        data_collator=partial(collate, pad_token_id=tokenizer.pad_token_id),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[Tell()],
    )
    began = time.monotonic()
    checkpoints = folder / "checkpoints"
    last = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    seconds = time.monotonic() - began

    trainer.model.save_pretrained(folder)
    prompt.save(folder)
    losses = [[entry["step"], round(entry["loss"], 4)] for entry in trainer.state.log_history if "loss" in entry]
    training = {
        "quantization": config.quantization,
        "rows": len(rows) - too_long,
        "sequences": len(dataset),
        "too_long": too_long,
        "steps": trainer.state.global_step,
        "loss": losses,
    }
    (folder / "training.json").write_text(json.dumps(training))
    write_measured(folder, seconds, trainer)


def to_dataset(rows: pd.DataFrame, prompt: Prompt, tokenizer: Any, config: TrainingConfig) -> tuple[Dataset, int]:
    """Tokenised sequences, and how many rows were left out because they are longer than `max_length`.

    A cut row would lose its answer, which is all there is to learn in it.

    Raises:
        InputError: not a single row fits.
    """
    prompts = tokenizer(prompt.render_rows(rows))["input_ids"]
    completions = tokenizer([prompt.completion(answer) for answer in rows["answer"]], add_special_tokens=False)[
        "input_ids"
    ]
    encoded = [
        (context, ids, [*completion, tokenizer.eos_token_id])
        for context, ids, completion in zip(rows["context"], prompts, completions, strict=True)
    ]
    lengths = [len(ids) + len(completion) for _, ids, completion in encoded]
    fitting = [row for row, length in zip(encoded, lengths, strict=True) if length <= config.max_length]
    if not fitting:
        raise InputError(
            f"training.max_length: all {len(rows)} rows are longer than {config.max_length} tokens "
            f"(shortest: {min(lengths)})"
        )
    return Dataset.from_list(pack(fitting, config.rows_per_sequence)), len(rows) - len(fitting)


def trainer_arguments(config: TrainingConfig, folder: Path, dtype: str, sequences: int) -> SFTConfig:
    """Our settings in the trainer's words."""
    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(folder / "checkpoints"),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler,
        warmup_steps=config.warmup_share,  # below 1 it is a share of all steps
        weight_decay=config.weight_decay,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        dataset_kwargs={"skip_prepare_dataset": True},  # `pack` has prepared it
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        activation_checkpointing=config.activation_checkpointing,
        optim=config.optimizer,
        bf16=gpu and dtype == "bfloat16",
        fp16=gpu and dtype == "float16",
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        save_steps=config.checkpoint_every_steps,
        save_total_limit=1,
        logging_steps=max(1, sequences // (config.batch_size * config.gradient_accumulation) // 40),
        disable_tqdm=True,
        report_to="none",
        seed=config.seed,
        data_seed=config.seed,
    )


class CompletionTrainer(SFTTrainer):
    """On the CPU: the language-model head runs only where a learned token is predicted.

    TRL's fused head does that on a GPU; elsewhere it projects every token of the prompts on the whole vocabulary,
    which takes a third of a step.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean cross-entropy of the learned tokens, the same number as with the head on every token."""
        labels = inputs.pop("labels")
        predicting = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().flatten()
        outputs = model(**inputs, logits_to_keep=predicting, use_cache=False)
        targets = labels[:, predicting + 1].flatten()
        loss = cross_entropy(outputs.logits.flatten(0, 1).float(), targets, ignore_index=IGNORED, reduction="sum")
        loss = loss / (num_items_in_batch if num_items_in_batch is not None else (targets != IGNORED).sum())
        return (loss, outputs) if return_outputs else loss


class Tell(TrainerCallback):
    """Tells the parent process how far training is."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After every optimizer step."""
        tell_progress(state.global_step, state.max_steps, "steps")


def write_measured(folder: Path, seconds: float, trainer: SFTTrainer) -> None:
    """Time and memory of this run: beside the output, not part of it."""
    measured = {
        "train_seconds": round(seconds, 1),
        "peak_mb": peak_megabytes(),
        "device": device_name(),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
    (folder / "logs" / "measured.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    told = read_job()
    try:
        main(told)
    except InputError as error:
        refuse_input(error)
    except (torch.OutOfMemoryError, MemoryError):
        give_up_memory()
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        give_up_memory()
