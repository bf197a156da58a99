"""Prompts as tokens: the ids of rows in training, generation and parity, and what several prompts share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import pandas as pd

from tasks.prompts.chat import in_chat, turn_of
from tasks.prompts.prompt import Prompt

Ids = list[int]


def encode_prompts(prompt: Prompt, rows: pd.DataFrame, tokenizer: Any) -> list[Ids]:
    """Token ids of the prompts of `rows` (columns `context` and `question`), up to where the answers begin.

    Raises:
        InputError: the prompt is for a chat and the tokenizer has no chat template.
    """
    return _encoded(_texts(prompt, rows, tokenizer), prompt, tokenizer)


def encode_rows(prompt: Prompt, rows: pd.DataFrame, tokenizer: Any) -> tuple[list[Ids], list[Ids]]:
    """Token ids of the prompts and of the completions of `rows` (with the column `answer`); these end with the end.

    Raises:
        InputError: the prompt is for a chat and the tokenizer has no chat template that fits.
    """
    texts = _texts(prompt, rows, tokenizer)
    prompts = _encoded(texts, prompt, tokenizer)
    answers = [prompt.completion(answer) for answer in rows["answer"]]
    if not prompt.chat:
        alone = tokenizer(answers, add_special_tokens=False)["input_ids"]
        return prompts, [[*ids, tokenizer.eos_token_id] for ids in alone]
    turn = turn_of(tokenizer)
    answers = [turn.opening + answer + turn.closing for answer in answers]
    alone = tokenizer(answers, add_special_tokens=False)["input_ids"]
    whole = _encoded([text + answer for text, answer in zip(texts, answers, strict=True)], prompt, tokenizer)
    # Some tokenizers put a space before every text, so the answer is cut from the whole unless its first token
    # has run into the prompt's last.
    completions = [
        ids[len(start) :] if ids[: len(start)] == start else apart
        for ids, start, apart in zip(whole, prompts, alone, strict=True)
    ]
    return prompts, completions


def _texts(prompt: Prompt, rows: pd.DataFrame, tokenizer: Any) -> list[str]:
    if prompt.chat:
        return [in_chat(messages, tokenizer) for messages in prompt.chats(rows)]
    return prompt.render_rows(rows)


def _encoded(texts: list[str], prompt: Prompt, tokenizer: Any) -> list[Ids]:
    # A chat template writes the special tokens itself; a tokenizer would put a second BOS before them.
    ids: list[Ids] = tokenizer(texts, add_special_tokens=not prompt.chat)["input_ids"]
    return ids


def shared_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Number of tokens with which all `sequences` begin; at most one less than the shortest has."""
    longest = min(len(s) for s in sequences) - 1
    columns = zip(*(s[:longest] for s in sequences), strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
