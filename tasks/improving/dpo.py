"""The script of direct preference optimisation (arXiv 2305.18290), on rows packed as in fine-tuning.

    schema … | question 1, right | question 1, wrong | question 2, right | question 2, wrong

Pairs over one schema are one sequence, so that it is computed once and not four times. The reference is the model
with the adapter that training starts from: its log-probabilities are taken before the first step, and without a
step the loss is exactly ln 2. Started by `tasks.improving.learn` as fine-tuning is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy, logsigmoid
from transformers import Trainer, set_seed
from trl.trainer.utils import disable_dropout_in_model

from tasks.common.errors import InputError
from tasks.common.process import as_child, tell_progress
from tasks.improving.script import load_start, train_and_save
from tasks.models.loading import load_tokenizer
from tasks.prompts.chat import end_with_turn
from tasks.prompts.prompt import Prompt
from tasks.prompts.tokens import Ids, encode_rows
from tasks.training.config import TrainingConfig
from tasks.training.packing import IGNORED, collate, pack
from tasks.training.script import Tell
from tasks.training.train import trainer_arguments


def main(job: dict[str, Any]) -> None:
    """Train on from `job["start"]` with the pairs in `job["rows"]`."""
    config = TrainingConfig.model_validate(job["training"])
    prompt = Prompt.model_validate(job["prompt"])
    folder = Path(job["folder"])
    set_seed(config.seed)

    tokenizer = end_with_turn(load_tokenizer(job["base"]), prompt)
    pairs = pd.read_parquet(job["rows"])
    dataset, too_long = to_dataset(pairs, prompt, tokenizer, config)
    model = load_start(job, config.quantization)
    disable_dropout_in_model(model)  # the reference has none either
    together = partial(collate_pairs, pad_token_id=tokenizer.pad_token_id)
    if config.activation_checkpointing:
        model.enable_input_require_grads()
    trainer = PreferenceTrainer(
        model=model,
        args=trainer_arguments(config, folder, job["dtype"], len(dataset)),
        train_dataset=with_reference(dataset, model, together),
        data_collator=together,
        processing_class=tokenizer,
        callbacks=[Tell()],
        beta=job["beta"],
        sft_weight=job["sft_weight"],
    )
    told = {"method": "dpo", "rows": len(pairs) - too_long, "sequences": len(dataset), "too_long": too_long}
    train_and_save(trainer, job, config, prompt, told)


def to_dataset(pairs: pd.DataFrame, prompt: Prompt, tokenizer: Any, config: TrainingConfig) -> tuple[Dataset, int]:
    """Sequences of pairs, and how many pairs were left out as one of their rows is longer than `max_length`.

    Args:
        pairs: columns `context`, `question`, `chosen`, `rejected`.
        prompt: of the model.
        tokenizer: of the model.
        config: `max_length`, and `rows_per_sequence`: a pair is two rows, and at least one makes a sequence.

    Raises:
        InputError: not a single pair fits, or the prompt is for a chat and the model has no chat template.
    """
    sides = [encode_rows(prompt, pairs.assign(answer=pairs[side]), tokenizer) for side in ("chosen", "rejected")]
    (prompts, chosen), (_, rejected) = sides
    lengths = [len(p) + max(len(c), len(r)) for p, c, r in zip(prompts, chosen, rejected, strict=True)]
    by_schema: dict[str, list[tuple[Ids, Ids, Ids]]] = {}
    for context, length, *pair in zip(pairs["context"], lengths, prompts, chosen, rejected, strict=True):
        if length <= config.max_length:
            by_schema.setdefault(context, []).append((pair[0], pair[1], pair[2]))
    if not by_schema:
        raise InputError(
            f"training.max_length: all {len(pairs)} pairs are longer than {config.max_length} tokens "
            f"(shortest: {min(lengths)})"
        )
    sequences = []
    for same in by_schema.values():
        count = -(-len(same) // max(1, config.rows_per_sequence // 2))
        sequences += [_sequence(same[i::count]) for i in range(count)]
    return Dataset.from_list(sequences), len(pairs) - sum(map(len, by_schema.values()))


def _sequence(pairs: Sequence[tuple[Ids, Ids, Ids]]) -> dict[str, Ids]:
    rows = [("", ids, completion) for ids, *both in pairs for completion in both]
    (sequence,) = pack(rows, len(rows))
    return sequence


def collate_pairs(sequences: Sequence[dict[str, Any]], pad_token_id: int) -> dict[str, Any]:
    """A batch as `collate` makes it, with `segments` of shape (batch, length) and, once it is known, `reference`."""
    batch = collate(sequences, pad_token_id)
    length = batch["labels"].shape[1]
    batch["segments"] = torch.tensor([[*s["segments"], *[0] * (length - len(s["segments"]))] for s in sequences])
    if "reference" in sequences[0]:
        batch["reference"] = torch.tensor([value for s in sequences for value in s["reference"]])
    return batch


def answer_log_probs(model: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """What `model` makes of the answers in a batch of `collate_pairs`.

    Returns:
        The log-probability of each answer and its number of tokens, in the order of the pairs: right, wrong, right,
        wrong, ….
    """
    labels, segments = batch["labels"], batch["segments"]
    predicting = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().flatten()
    inputs = {name: batch[name] for name in ("input_ids", "position_ids", "attention_mask")}
    logits = model(**inputs, logits_to_keep=predicting, use_cache=False).logits.float()
    targets = labels[:, predicting + 1]
    losses = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    answered = targets != IGNORED
    rows = torch.where(answered, segments[:, predicting + 1], 0)  # 0 collects what is no answer
    empty = torch.zeros(len(rows), int(segments.max()) + 1, device=logits.device)
    sums = empty.scatter_add(1, rows, -losses.view_as(targets))
    tokens = empty.scatter_add(1, rows, answered.float())
    there = tokens[:, 1:] > 0
    return sums[:, 1:][there], tokens[:, 1:][there]


def with_reference(dataset: Dataset, model: Any, together: Any) -> Dataset:
    """The same sequences with `reference`: the log-probabilities of their answers as `model` is now."""
    reference = []
    with torch.no_grad():
        for sequence in dataset:
            batch = {name: values.to(model.device) for name, values in together([sequence]).items()}
            reference.append(answer_log_probs(model, batch)[0].tolist())
            tell_progress(len(reference), len(dataset), "sequences of the reference")
    return dataset.add_column("reference", reference)


class PreferenceTrainer(Trainer):
    """The loss of DPO, and that of the right answers, which otherwise become less likely with the wrong ones."""

    def __init__(self, beta: float, sft_weight: float, **given: Any) -> None:
        super().__init__(**given)
        self.beta, self.sft_weight = beta, sft_weight
        self.model_accepts_loss_kwargs = False  # the loss is a mean over pairs, not over tokens

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean of -log sigmoid(beta * how far the margin right - wrong is from the reference's), and cross-entropy."""
        now, tokens = answer_log_probs(model, inputs)
        moved = now - inputs["reference"]
        loss = -logsigmoid(self.beta * (moved[::2] - moved[1::2])).mean()
        return loss - self.sft_weight * now[::2].sum() / tokens[::2].sum()


if __name__ == "__main__":
    as_child(main)
