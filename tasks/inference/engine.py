"""Batch generation with transformers, greedy, with a shared prefix.

Rows over one schema begin with the same tokens (their DDL), most of the prompt. The common prefix is computed
once and its key/value cache repeated for the batch; the suffixes are padded on their left, between prefix and
suffix, with attention 0 on the padding. In fp32 the answers are those of one prompt at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, StoppingCriteria, StoppingCriteriaList

from tasks.inference.answer import is_complete
from tasks.prompts.tokens import shared_prefix

SHORTEST_PREFIX = 16  # tokens; a shorter one is not worth a forward pass of its own


@dataclass(frozen=True)
class Generated:
    """What a model wrote for one prompt: its place in the input, the text and the tokens spent."""

    index: int
    raw: str
    prompt_tokens: int
    completion_tokens: int


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], batch_size: int, max_new_tokens: int
) -> Iterator[Generated]:
    """Answer `prompts` greedily, in batches of prompts that share as long a prefix as possible.

    Yields each answer as its batch is done, in no particular order.
    """
    encoded = tokenizer(list(prompts))["input_ids"]
    # Sorted as texts, prompts with the same schema lie side by side.
    order = sorted(range(len(prompts)), key=lambda i: prompts[i])
    for batch in _batches(order, encoded, batch_size):
        texts = _answer(model, tokenizer, [encoded[i] for i in batch], max_new_tokens)
        for i, tokens in zip(batch, texts, strict=True):
            raw = tokenizer.decode(tokens, skip_special_tokens=True)
            yield Generated(i, raw, len(encoded[i]), len(tokens))


def _batches(order: Sequence[int], encoded: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Cut `order` into batches; a batch ends early where the next row shares less than half of its prompt."""
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) == size or shared_prefix([encoded[batch[0]], encoded[i]]) < len(encoded[i]) // 2):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


@torch.inference_mode()
def _answer(model: Any, tokenizer: Any, batch: Sequence[Sequence[int]], max_new_tokens: int) -> list[list[int]]:
    shared = shared_prefix(batch) if len(batch) > 1 else 0
    if shared < SHORTEST_PREFIX:
        shared = 0
    prefix = list(batch[0][:shared])
    longest = max(len(s) for s in batch) - shared
    ids, mask = [], []
    for sequence in batch:
        suffix = list(sequence[shared:])
        padding = longest - len(suffix)
        ids.append(prefix + [tokenizer.pad_token_id] * padding + suffix)
        mask.append([1] * shared + [0] * padding + [1] * len(suffix))
    input_ids = torch.tensor(ids, device=model.device)
    inputs = {"input_ids": input_ids, "attention_mask": torch.tensor(mask, device=model.device)}
    if shared:
        inputs["past_key_values"] = _prefilled(model, prefix, len(batch))
    begin = input_ids.shape[1]
    output = model.generate(
        **inputs,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        stopping_criteria=StoppingCriteriaList([StatementEnd(tokenizer, begin)]),
    )
    # Whatever follows a row's own end is padding, written while the others went on.
    return [_without_padding(row.tolist(), tokenizer) for row in output[:, begin:]]


def _prefilled(model: Any, prefix: list[int], copies: int) -> DynamicCache:
    cache = DynamicCache(config=model.config)
    model(input_ids=torch.tensor([prefix], device=model.device), past_key_values=cache, logits_to_keep=1)
    cache.batch_repeat_interleave(copies)
    return cache


def _without_padding(tokens: list[int], tokenizer: Any) -> list[int]:
    if tokenizer.eos_token_id in tokens:
        return tokens[: tokens.index(tokenizer.eos_token_id) + 1]
    while tokens and tokens[-1] == tokenizer.pad_token_id:
        tokens.pop()
    return tokens


class StatementEnd(StoppingCriteria):
    """Stops a row when its statement is complete; only rows whose last token could end one are decoded."""

    def __init__(self, tokenizer: Any, begin: int) -> None:
        self.tokenizer = tokenizer
        self.begin = begin
        texts = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
        self.may_end = torch.tensor([any(c in text for c in ";#`") for text in texts])

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """One boolean a row: done or not."""
        last = input_ids[:, -1].cpu()
        done = self.may_end[last]
        for row in done.nonzero().flatten().tolist():
            text = self.tokenizer.decode(input_ids[row, self.begin :], skip_special_tokens=True)
            done[row] = is_complete(text)
        return done.to(input_ids.device)
