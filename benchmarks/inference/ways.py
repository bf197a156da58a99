"""Other ways to have the same model answer the same prompts, as people write them with transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, pipeline

from tasks.inference.answer import is_complete
from tasks.inference.engine import generate
from tasks.prompts.tokens import Ids

LONGEST = 512  # tokens that the seed's way writes on to

Way = Callable[[Any, Any, Sequence[Ids], int, int], list[str]]


def ours(model: Any, tokenizer: Any, prompts: Sequence[Ids], batch_size: int, most: int) -> list[str]:
    """The project's engine."""
    batches = generate(model, tokenizer, prompts, batch_size, most)
    answers = sorted((answer for batch in batches for answer in batch), key=lambda answer: answer.index)
    return [answer.raw for answer in answers]


def as_the_seed(model: Any, tokenizer: Any, prompts: Sequence[Ids], batch_size: int, most: int) -> list[str]:
    """A text-generation pipeline, one prompt at a time, which writes on to 512 tokens whatever the model ends."""
    pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)
    told = {"max_new_tokens": LONGEST, "min_new_tokens": LONGEST, "do_sample": False, "return_full_text": False}
    return [pipe(tokenizer.decode(ids), **told)[0]["generated_text"] for ids in prompts]


def one_by_one(model: Any, tokenizer: Any, prompts: Sequence[Ids], batch_size: int, most: int) -> list[str]:
    """`generate` with one prompt at a time, and the stop rule."""
    return [text for ids in prompts for text in _generated(model, tokenizer, [ids], most, stop=True)]


def sorted_batches(model: Any, tokenizer: Any, prompts: Sequence[Ids], batch_size: int, most: int) -> list[str]:
    """`generate` with batches of prompts of like length, padded on their left, which run until all have ended."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        texts = _generated(model, tokenizer, [prompts[i] for i in batch], most)
        for i, text in zip(batch, texts, strict=True):
            answers[i] = text
    return answers


def _generated(model: Any, tokenizer: Any, batch: Sequence[Ids], most: int, stop: bool = False) -> list[str]:
    padded = tokenizer.pad({"input_ids": list(batch)}, padding_side="left", return_tensors="pt")
    begin = padded["input_ids"].shape[1]
    with torch.inference_mode():
        output = model.generate(
            **padded,
            max_new_tokens=most,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([_Complete(tokenizer, begin)]) if stop else None,
        )
    return list(tokenizer.batch_decode(output[:, begin:], skip_special_tokens=True))


class _Complete(StoppingCriteria):
    """Stops one prompt's answer when its statement is complete."""

    def __init__(self, tokenizer: Any, begin: int) -> None:
        self._tokenizer, self._begin = tokenizer, begin

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Whether it is."""
        text = self._tokenizer.decode(input_ids[0, self._begin :], skip_special_tokens=True)
        return torch.tensor([is_complete(text)])


WAYS: dict[str, Way] = {
    "ours": ours,
    "the_seeds_way": as_the_seed,
    "one_prompt_with_stop_rule": one_by_one,
    "sorted_batches": sorted_batches,
}
