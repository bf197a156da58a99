"""The training script: QLoRA fine-tuning, from rows to adapter, top to bottom.

Started by `tasks.training.finetune` as `accelerate launch -m tasks.training.train JOB.json`; the job names the
base model's folder, the training rows, the prompt and the output folder.
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from peft import PeftModel
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from tasks.common.errors import InputError
from tasks.common.process import as_child
from tasks.common.store import write_atomically
from tasks.models.loading import load_model, load_tokenizer
from tasks.prompts.chat import end_with_turn
from tasks.prompts.prompt import Prompt
from tasks.prompts.tokens import encode_rows
from tasks.training.adapter import new_adapter
from tasks.training.choose import CANDIDATES
from tasks.training.config import TrainingConfig
from tasks.training.memory import Batch, Device, Memory, predict_memory
from tasks.training.packing import IGNORED, collate, pack
from tasks.training.script import Tell, in_fp32, last_checkpoint, write_measured, write_training
from tasks.training.usage import Usage

KEPT_CANDIDATES = 3


def main(job: dict[str, Any]) -> None:
    """Train an adapter and save it; a run that was killed goes on from its last checkpoint."""
    config = TrainingConfig.model_validate(job["training"])
    prompt = Prompt.model_validate(job["prompt"])
    folder = Path(job["folder"])
    set_seed(config.seed)
    if (config.adapter, config.quantization) == ("dora", "nf4") and not torch.cuda.is_available():
        # bitsandbytes packs the weights for answering, and DoRA takes their norms from what is then no weight.
        raise InputError(
            "training.adapter: dora on a base in 4 bits answers wrongly on a CPU; expected another of them"
        )

    tokenizer = end_with_turn(load_tokenizer(job["base"]), prompt)
    rows = pd.read_parquet(job["train"])
    dataset, too_long = to_dataset(rows, prompt, tokenizer, config)
    held_back = None
    if job["held_back"]:
        held_back, _ = to_dataset(pd.read_parquet(job["held_back"]), prompt, tokenizer, config)

    predicted = predict(job, config, dataset)
    model = load_model(job["base"], job["dtype"], config.quantization)
    if job["start"]:
        model = PeftModel.from_pretrained(model, job["start"], is_trainable=True)
    candidates, usage = Candidates(folder, config.patience), Usage()
    trainer = (AdapterTrainer if torch.cuda.is_available() else CompletionTrainer)(
        model=model,
        args=trainer_arguments(config, folder, job["dtype"], len(dataset), evaluate=held_back is not None),
        train_dataset=dataset,
        eval_dataset=held_back,
        data_collator=partial(collate, pad_token_id=tokenizer.pad_token_id),
        processing_class=tokenizer,
        peft_config=None if job["start"] else new_adapter(config),
        callbacks=[Tell(), candidates, usage],
    )
    if job["dtype"] == "float16":  # whose gradients are scaled, which the bf16 that TRL puts adapters in cannot be
        in_fp32(trainer.model)
    usage.watch(trainer)
    trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    if held_back is not None and candidates.last_step != trainer.state.global_step:
        trainer.evaluate()

    if not trainer.is_world_process_zero():
        return
    if held_back is None:
        trainer.model.save_pretrained(folder)
    else:
        shutil.copytree(candidates.best, folder, dirs_exist_ok=True)
    prompt.save(folder)
    told = {"rows": len(rows) - too_long, "sequences": len(dataset), "too_long": too_long}
    write_training(folder, trainer, config, told | {"candidates": candidates.kept()})
    write_measured(folder, trainer, config, usage, predicted)


def predict(job: dict[str, Any], config: TrainingConfig, dataset: Dataset) -> Memory | None:
    """Say how much memory the longest sequences will take; an architecture that cannot be counted is trained, too."""
    longest = max(map(len, dataset["input_ids"]))
    learned = max(sum(label != IGNORED for label in labels) for labels in dataset["labels"])
    device: Device = "cuda" if torch.cuda.is_available() else "cpu"
    batch = Batch(config.batch_size, longest, learned)
    try:
        described = AutoConfig.from_pretrained(job["base"], trust_remote_code=False)
        predicted = predict_memory(described, config, job["dtype"], device, batch)
    except Exception as error:
        print(f"memory could not be predicted: {type(error).__name__}: {error}", flush=True)
        return None
    print(f"memory predicted: {predicted.total / 1000:.1f} GB ({predicted})", flush=True)
    return predicted


def to_dataset(rows: pd.DataFrame, prompt: Prompt, tokenizer: Any, config: TrainingConfig) -> tuple[Dataset, int]:
    """Tokenised sequences, and how many rows were left out because they are longer than `max_length`.

    A cut row would lose its answer, which is all there is to learn in it.

    Raises:
        InputError: not a single row fits, or the model has no chat template and the prompt asks for one.
    """
    encoded = list(zip(rows["context"], *encode_rows(prompt, rows, tokenizer), strict=True))
    lengths = [len(ids) + len(completion) for _, ids, completion in encoded]
    fitting = [row for row, length in zip(encoded, lengths, strict=True) if length <= config.max_length]
    if not fitting:
        raise InputError(
            f"training.max_length: all {len(rows)} rows are longer than {config.max_length} tokens "
            f"(shortest: {min(lengths)})"
        )
    return Dataset.from_list(pack(fitting, config.rows_per_sequence)), len(rows) - len(fitting)


def trainer_arguments(
    config: TrainingConfig, folder: Path, dtype: str, sequences: int, evaluate: bool = False
) -> SFTConfig:
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
        per_device_eval_batch_size=config.batch_size,
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
        eval_strategy="steps" if evaluate else "no",
        eval_steps=config.checkpoint_every_steps,
        prediction_loss_only=True,
        logging_steps=max(1, sequences // (config.batch_size * config.gradient_accumulation) // 40),
        disable_tqdm=True,
        report_to="none",
        seed=config.seed,
        data_seed=config.seed,
    )


class AdapterTrainer(SFTTrainer):
    """Goes on from a checkpoint in the precision that the adapter was trained in.

    peft loads an adapter in fp32; TRL trains one in bf16 on a quantised base, and would not after a kill.
    """

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        held = {name: p.dtype for name, p in self.model.named_parameters() if p.requires_grad}
        super()._load_from_checkpoint(*args, **kwargs)
        for name, parameter in self.model.named_parameters():
            if name in held:
                parameter.data = parameter.data.to(held[name])


class CompletionTrainer(AdapterTrainer):
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
        if num_items_in_batch is None:
            loss = loss / (targets != IGNORED).sum()
        else:  # counted over all processes, whose gradients are averaged
            loss = loss / num_items_in_batch * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


class Candidates(TrainerCallback):
    """Keeps the adapters with the lowest losses on the rows held back, and stops when the loss no longer falls.

    Which of them is taken is decided later, by the SQL they write. What was found is in a file, so that a
    resumed run knows it.
    """

    def __init__(self, folder: Path, patience: int) -> None:
        self.folder = folder / CANDIDATES
        self.file = self.folder / "losses.json"
        self.patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After every measurement on the rows held back."""
        found = [one for one in self._found() if one["step"] < state.global_step]
        found.append({"step": state.global_step, "held_back_loss": round(kwargs["metrics"]["eval_loss"], 4)})
        best = min(found, key=_loss)
        control.should_training_stop |= sum(one["step"] > best["step"] for one in found) >= self.patience
        if state.is_world_process_zero:
            kwargs["model"].save_pretrained(self.folder / f"step-{state.global_step}")
            write_atomically(self.file, json.dumps(found))
            kept = {f"step-{one['step']}" for one in self.kept()}
            for folder in self.folder.glob("step-*"):
                if folder.name not in kept:
                    shutil.rmtree(folder)

    @property
    def last_step(self) -> int | None:
        """The step last measured."""
        return self._found()[-1]["step"] if self._found() else None

    @property
    def best(self) -> Path:
        """The adapter with the lowest loss."""
        return self.folder / f"step-{self.kept()[0]['step']}"

    def kept(self) -> list[dict[str, Any]]:
        """The candidates with the lowest losses, best first, as `step` and `held_back_loss`."""
        return sorted(self._found(), key=_loss)[:KEPT_CANDIDATES]

    def _found(self) -> list[dict[str, Any]]:
        return json.loads(self.file.read_text("utf-8")) if self.file.is_file() else []


def _loss(candidate: dict[str, Any]) -> float:
    return float(candidate["held_back_loss"])


if __name__ == "__main__":
    as_child(main)
