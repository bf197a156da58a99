"""The peer's training script, with the settings that the book prints, in TRL's words.

The whole text is learned, prompt included; batch 8, summed 8 times; learning rate 2e-4, linear; rank 16, alpha 32,
dropout 0.05 on all linear layers; 4-bit base; rows of at most 1,024 tokens, padded, one after the other. Training
ends after `cpu_s` CPU seconds, as ours is bounded, too; the learning rate falls over the steps that fit in them.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from tasks.common.process import read_job
from tasks.models.loading import device_name, load_model, load_tokenizer, peak_megabytes
from tasks.prompts.prompt import Prompt

BATCH, ACCUMULATION = 8, 8


def main(job: dict[str, Any]) -> None:
    """Train an adapter the book's way."""
    folder, seed = Path(job["folder"]), job["training"]["seed"]
    set_seed(seed)
    tokenizer = load_tokenizer(job["base"])
    rows = pd.read_parquet(job["train"]).sample(frac=1, random_state=seed).head(job["rows"])
    prompt = Prompt.model_validate(job["prompt"])
    texts = [
        text + prompt.completion(answer) + tokenizer.eos_token
        for text, answer in zip(prompt.render_rows(rows), rows["answer"], strict=True)
    ]
    limit = CpuLimit(job["cpu_s"])
    trainer = SFTTrainer(
        model=load_model(job["base"], job["dtype"], "nf4"),
        args=SFTConfig(
            output_dir=str(folder / "checkpoints"),
            num_train_epochs=1,
            learning_rate=2e-4,
            lr_scheduler_type="linear",
            warmup_steps=0.1,
            weight_decay=0.01,
            per_device_train_batch_size=BATCH,
            gradient_accumulation_steps=ACCUMULATION,
            max_length=1024,
            activation_checkpointing=job["recompute"],
            use_cpu=not torch.cuda.is_available(),
            bf16=torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
            report_to="none",
            seed=seed,
        ),
        train_dataset=Dataset.from_dict({"text": texts}),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            task_type="CAUSAL_LM", r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear"
        ),
        callbacks=[limit],
    )
    began = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - began
    trainer.model.save_pretrained(folder)
    prompt.save(folder)
    steps = trainer.state.global_step
    learned = min(len(rows), steps * BATCH * ACCUMULATION)
    (folder / "training.json").write_text(json.dumps({"quantization": "nf4", "steps": steps, "rows": learned}))
    measured = {
        "train_seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_mb": peak_megabytes(),
        "device": device_name(),
    }
    (folder / "logs" / "measured.json").write_text(json.dumps(measured))


class CpuLimit(TrainerCallback):
    """Ends training when another step would pass the process's CPU seconds."""

    def __init__(self, cpu_s: float) -> None:
        self.cpu_s = cpu_s
        self.before = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """When a step begins."""
        self.before = time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """When it has ended."""
        now = time.process_time()
        control.should_training_stop |= now + (now - self.before) > self.cpu_s


if __name__ == "__main__":
    main(read_job())
