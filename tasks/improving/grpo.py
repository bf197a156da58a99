"""The script of group relative policy optimisation (arXiv 2402.03300): what is answered while it trains is run.

A right answer is worth 1, any other 0. A query that merely runs gets nothing: most wrong queries run, and in a group
without a right answer the small reward would count as much as a right answer does elsewhere, as rewards are compared
within their group. Started by `tasks.improving.learn` as fine-tuning is.
"""

from __future__ import annotations

from math import gcd
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

from tasks.common.errors import InputError
from tasks.common.process import as_child
from tasks.improving.script import load_start, train_and_save
from tasks.improving.verify import RIGHT
from tasks.inference.answer import answer_of
from tasks.models.loading import load_tokenizer
from tasks.prompts.chat import TEMPLATE_ARGUMENTS, end_with_turn
from tasks.prompts.prompt import Prompt
from tasks.prompts.tokens import encode_prompts
from tasks.sql.config import SqlConfig
from tasks.sql.execution import compare
from tasks.training.config import TrainingConfig
from tasks.training.script import Tell, in_fp32
from tasks.training.train import trainer_arguments

OF_TRAINING = (
    "output_dir", "num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay",
    "activation_checkpointing", "optim", "bf16", "fp16", "use_cpu", "dataloader_pin_memory", "save_steps",
    "save_total_limit", "disable_tqdm", "report_to", "seed", "data_seed",
)  # fmt: skip


def main(job: dict[str, Any]) -> None:
    """Train on from `job["start"]` with the questions in `job["rows"]`."""
    config = TrainingConfig.model_validate(job["training"])
    prompt = Prompt.model_validate(job["prompt"])
    set_seed(config.seed)

    tokenizer = end_with_turn(load_tokenizer(job["base"]), prompt)
    rows = pd.read_parquet(job["rows"])
    dataset, too_long = to_dataset(rows, prompt, tokenizer, config.max_length - job["max_new_tokens"])
    trainer = GRPOTrainer(
        model=load_start(job, config.quantization),
        reward_funcs=execution_reward(SqlConfig.model_validate(job["sql"])),
        args=arguments(config, job),
        train_dataset=dataset,
        processing_class=tokenizer,
        callbacks=[Tell()],
    )
    in_fp32(trainer.model)  # the trainer has made bfloat16 of it
    told = {"method": "grpo", "rows": len(dataset), "too_long": too_long}
    train_and_save(trainer, job, config, prompt, told)
    rewards = [[e["step"], round(e["reward"], 4)] for e in trainer.state.log_history if "reward" in e]
    print(f"mean reward by step: {rewards}")


def to_dataset(rows: pd.DataFrame, prompt: Prompt, tokenizer: Any, max_length: int) -> tuple[Dataset, int]:
    """Prompts with what their rewards need, and how many rows were left out as their prompt is too long.

    Raises:
        InputError: not a single prompt fits, or it is for a chat and the model has no chat template.
    """
    lengths = pd.Series([len(ids) for ids in encode_prompts(prompt, rows, tokenizer)], index=rows.index)
    fitting = rows[lengths <= max_length]
    if fitting.empty:
        raise InputError(
            f"training.max_length: all {len(rows)} prompts leave less than inference.max_new_tokens for the answer "
            f"(shortest: {lengths.min()} tokens)"
        )
    texts = prompt.render_rows(fitting)
    asked: list[Any] = [[{"role": "user", "content": text}] for text in texts] if prompt.chat else texts
    told = {name: fitting[name].tolist() for name in ("context", "dialect")}
    return Dataset.from_dict({"prompt": asked, "gold": fitting["answer"].tolist(), **told}), len(rows) - len(fitting)


def execution_reward(sql: SqlConfig) -> Any:
    """The reward as the trainer calls it: completions and the columns of the dataset in, a number for each out."""

    def execution(
        completions: list[Any], gold: list[str], context: list[str], dialect: list[str], **others: Any
    ) -> list[float]:
        raw = [c if isinstance(c, str) else c[0]["content"] for c in completions]
        asked = pd.DataFrame({"context": context, "gold": gold, "dialect": dialect})
        asked = asked.assign(example_id=asked.index, prediction=[answer_of(text) for text in raw])
        outcomes = pd.concat(
            compare(rows, str(name), sql)["outcome"] for name, rows in asked.groupby("dialect")
        ).sort_index()
        return [float(outcome == RIGHT) for outcome in outcomes]

    return execution


def arguments(config: TrainingConfig, job: dict[str, Any]) -> GRPOConfig:
    """Our settings in the trainer's words: a step sees as many answers as one of fine-tuning sees rows.

    All answers to a question are in one step, so it sees those to one question at least.
    """
    plain = trainer_arguments(config, Path(job["folder"]), job["dtype"], sequences=1)
    at_once, answers = config.batch_size * config.rows_per_sequence, job["answers"]
    questions = max(1, at_once * config.gradient_accumulation // answers)
    size = gcd(at_once, questions * answers)
    return GRPOConfig(
        **{name: getattr(plain, name) for name in OF_TRAINING},
        per_device_train_batch_size=size,
        gradient_accumulation_steps=questions * answers // size,
        num_generations=answers,
        temperature=job["temperature"],
        top_k=0,
        max_completion_length=job["max_new_tokens"],
        chat_template_kwargs=TEMPLATE_ARGUMENTS,
        logging_steps=1,
    )


if __name__ == "__main__":
    as_child(main)
