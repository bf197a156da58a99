"""Batch generation with transformers, greedy or sampled, with a shared prefix.

Rows over one schema begin with the same tokens (their DDL), most of the prompt. Their common prefix is read once and
its key/value cache repeated; the suffixes are padded on their left, between prefix and suffix, with attention 0 on the
padding. The caches of several schemas are joined, padded on the left, so that all rows of a batch write together; a
row whose answer is there leaves it. In fp32 the answers are those of one prompt at a time.

Several answers to one prompt can be sampled instead; they lie side by side, so that a batch shares as much as before.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch.nn.functional import pad
from transformers import DynamicCache, GenerationConfig
from transformers.cache_utils import DynamicLayer

from tasks.inference.answer import is_complete
from tasks.inference.generated import Generated, place_key
from tasks.prompts.tokens import Ids, shared_prefix

SHORTEST_PREFIX = 16  # tokens; a shorter one is not worth a forward pass of its own
LEFT_TOGETHER = 1 / 8  # of a batch's rows: so many answers have to be there before the cache is copied without them

Place = tuple[int, int]  # which prompt, and which of its answers
Item = TypeVar("Item")


@dataclass(frozen=True)
class Sampling:
    """Several answers to each prompt, drawn from the model's own distribution at `temperature`.

    The same seed, prompts and batch size give the same answers.
    """

    answers: int
    temperature: float
    seed: int


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    batch_size: int,
    max_new_tokens: int,
    *,
    sampling: Sampling | None = None,
    known: Container[str] = (),
) -> Iterator[list[Generated]]:
    """Answer `prompts` (token ids, see `encode_prompts`) in batches, those with the same schema side by side.

    Greedily, or with `sampling` several times each. Yields a batch's answers as soon as all of them are there, in no
    particular order; a batch is left out if all its answers are `known` by their `place_key`. The batches are the same
    whatever is known, so that a run that goes on after a kill gives the answers of one that was not killed.
    """
    order = sorted(range(len(prompts)), key=lambda i: list(prompts[i]))
    places = [(i, number) for i in order for number in range(sampling.answers if sampling else 1)]
    end = End(model.generation_config, tokenizer)
    for count, batch in enumerate(_batches(model, places, prompts, batch_size)):
        if all(place_key(*place) in known for place in batch):
            continue
        began = time.monotonic()
        if sampling:
            torch.manual_seed(sampling.seed + count)  # nothing that ran before decides what is drawn
        reading = _Reading(model, tokenizer.pad_token_id, [prompts[i] for i, _ in batch])
        first_token_s = time.monotonic() - began
        written = _write(reading, end, max_new_tokens, sampling.temperature if sampling else 0.0)
        seconds = (time.monotonic() - began) / len(batch)
        yield [
            Generated(
                index=i,
                number=number,
                raw=tokenizer.decode(tokens, skip_special_tokens=True),
                prompt_tokens=len(prompts[i]),
                completion_tokens=len(tokens),
                seconds=seconds,
                first_token_s=first_token_s,
            )
            for (i, number), tokens in zip(batch, written, strict=True)
        ]


def _batches(model: Any, places: Sequence[Place], prompts: Sequence[Sequence[int]], size: int) -> Iterator[list[Place]]:
    """Cut `places` into batches; of one schema each where the model's caches cannot be joined."""
    joined = all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)
    runs = [list(places)] if joined else _alike(places, [prompts[i] for i, _ in places])
    for run in runs:
        for start in range(0, len(run), size):
            yield run[start : start + size]


def _alike(items: Sequence[Item], prompts: Sequence[Sequence[int]]) -> list[list[Item]]:
    """Cut `items`, each with its prompt, where a prompt shares less than half with the first of its run."""
    runs: list[list[Item]] = []
    first: Sequence[int] = ()
    for item, prompt in zip(items, prompts, strict=True):
        if not runs or shared_prefix([first, prompt]) < len(prompt) // 2:
            runs.append([])
            first = prompt
        runs[-1].append(item)
    return runs


class End:
    """Tells where an answer ends: at an end token, or when the statement is complete."""

    def __init__(self, settings: GenerationConfig, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        ends = settings.eos_token_id
        # The tokenizer's too, as a model's own settings may not know the end it was tuned to write.
        self._tokens = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        texts = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
        self._may_complete = [any(c in text for c in ";；#`<\n") for text in texts]

    def reached(self, written: Ids) -> bool:
        """Whether nothing need be written behind these tokens."""
        last = written[-1]
        if last in self._tokens:
            return True
        if last >= len(self._may_complete) or not self._may_complete[last]:
            return False
        return is_complete(self._tokenizer.decode(written, skip_special_tokens=True))


class _Reading:
    """A batch of prompts, read; and what is written behind them, token by token."""

    @torch.inference_mode()
    def __init__(self, model: Any, padding: int, batch: Sequence[Sequence[int]]) -> None:
        self._model = model
        read = [_read_together(model, padding, prompts) for prompts in _alike(batch, batch)]
        self._cache, self._mask = _join([cache for cache, _, _ in read], [mask for _, mask, _ in read])
        self.logits = torch.cat([logits for _, _, logits in read])

    @torch.inference_mode()
    def go_on(self, tokens: Sequence[int]) -> None:
        """Read one more token of each row."""
        column = torch.tensor(tokens, device=self._mask.device).unsqueeze(1)
        self._mask = pad(self._mask, (0, 1), value=1)
        self.logits = _read(self._model, column, self._mask, self._cache)

    @torch.inference_mode()
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        kept = torch.tensor(rows, device=self._mask.device)
        self._mask = self._mask[kept]
        self._cache.batch_select_indices(kept)


def _read_together(
    model: Any, padding: int, prompts: Sequence[Sequence[int]]
) -> tuple[DynamicCache, torch.Tensor, torch.Tensor]:
    """The cache, the attention mask and the next token's logits of prompts that begin alike."""
    shared = shared_prefix(prompts) if len(prompts) > 1 else 0
    if shared < SHORTEST_PREFIX:
        shared = 0
    longest = max(map(len, prompts)) - shared
    ids, mask = [], []
    for prompt in prompts:
        gap = shared + longest - len(prompt)
        ids.append([padding] * gap + list(prompt[shared:]))
        mask.append([1] * shared + [0] * gap + [1] * (len(prompt) - shared))
    cache = DynamicCache(config=model.config)
    if shared:
        prefix = torch.tensor([list(prompts[0][:shared])], device=model.device)
        model(input_ids=prefix, past_key_values=cache, logits_to_keep=1)
        cache.batch_repeat_interleave(len(prompts))
    attended = torch.tensor(mask, device=model.device)
    return cache, attended, _read(model, torch.tensor(ids, device=model.device), attended, cache)


def _read(model: Any, ids: torch.Tensor, mask: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Read `ids` behind what is in the cache; the logits of the token that follows each row."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, logits_to_keep=1)
    return output.logits[:, -1]


def _join(caches: Sequence[DynamicCache], masks: Sequence[torch.Tensor]) -> tuple[DynamicCache, torch.Tensor]:
    """One cache and mask of several, the shorter ones padded on their left."""
    if len(caches) == 1:
        return caches[0], masks[0]
    longest = max(mask.shape[1] for mask in masks)
    gaps = [longest - mask.shape[1] for mask in masks]
    joined = caches[0]
    for number, layer in enumerate(joined.layers):
        layers = [cache.layers[number] for cache in caches]
        layer.keys = torch.cat([pad(one.keys, (0, 0, gap, 0)) for one, gap in zip(layers, gaps, strict=True)])
        layer.values = torch.cat([pad(one.values, (0, 0, gap, 0)) for one, gap in zip(layers, gaps, strict=True)])
    return joined, torch.cat([pad(mask, (gap, 0)) for mask, gap in zip(masks, gaps, strict=True)])


def _write(reading: _Reading, end: End, most: int, temperature: float) -> list[Ids]:
    """The tokens written for each row, with the end token where there is one; at most `most`."""
    written: list[Ids] = [[] for _ in reading.logits]
    rows = list(range(len(written)))  # of the batch, still in `reading`
    done: set[int] = set()
    while True:
        tokens = _next(reading.logits, temperature)
        for row, token in zip(rows, tokens, strict=True):
            if row not in done:
                written[row].append(token)
                if end.reached(written[row]) or len(written[row]) == most:
                    done.add(row)
        left = [place for place, row in enumerate(rows) if row not in done]
        if not left:
            return written
        if len(rows) - len(left) >= len(rows) * LEFT_TOGETHER:
            reading.keep(left)
            rows, tokens = [rows[place] for place in left], [tokens[place] for place in left]
        reading.go_on(tokens)


def _next(logits: torch.Tensor, temperature: float) -> Ids:
    """The next token of each row: the likeliest, or drawn where there is a temperature."""
    if not temperature:
        return logits.argmax(-1).tolist()
    shares = torch.softmax(logits.float() / temperature, dim=-1)
    return torch.multinomial(shares, 1).squeeze(1).tolist()
