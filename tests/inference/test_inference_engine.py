from __future__ import annotations

from itertools import chain
from typing import Any

import pandas as pd
import pytest

from tasks.common.store import StageOutput
from tasks.inference.engine import generate
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.prompts.tokens import encode_prompts, shared_prefix

SCHEMAS = [
    "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(50), pages INT);",
    "CREATE TABLE rooms (id INT PRIMARY KEY, floor INT, price DECIMAL(8,2));",
]
QUESTIONS = [
    "How many are there?",
    "List all of them.",
    "Which have an id above 7?",
    "몇 개인가요?",
    "Show the largest id.",
]


def test_a_shared_prefix_leaves_every_row_a_token_of_its_own() -> None:
    assert shared_prefix([[1, 2, 3, 4], [1, 2, 5]]) == 2
    assert shared_prefix([[1, 2], [1, 2]]) == 1
    assert shared_prefix([[1], [2]]) == 0


@pytest.fixture(scope="module")
def fp32(two_layers: StageOutput) -> tuple[Any, Any]:
    from tasks.models.loading import load_model, load_tokenizer

    return load_model(two_layers.path, "float32"), load_tokenizer(two_layers.path)


@pytest.mark.slow
def test_batches_with_a_shared_prefix_answer_as_one_prompt_at_a_time(fp32: tuple[Any, Any]) -> None:
    """In fp32 the shared prefix, the padding behind it and the batch change nothing."""
    rows = pd.DataFrame([(s, q) for q in QUESTIONS for s in SCHEMAS], columns=["context", "question"])
    prompts = encode_prompts(load_prompt(PromptConfig()), rows, fp32[1])
    batches = generate(*fp32, prompts, batch_size=4, max_new_tokens=24)
    together = sorted(chain.from_iterable(batches), key=lambda a: a.index)
    alone = [next(generate(*fp32, [one], batch_size=1, max_new_tokens=24))[0] for one in prompts]
    assert [a.raw for a in together] == [a.raw for a in alone]
    assert [a.prompt_tokens for a in together] == [a.prompt_tokens for a in alone]
    assert [a.completion_tokens for a in together] == [a.completion_tokens for a in alone]
    assert len({a.raw for a in together}) > 1


@pytest.mark.slow
def test_what_is_known_is_not_answered_again_and_changes_no_other_answer(fp32: tuple[Any, Any]) -> None:
    """Batches are the same whatever is known: the second of three is left out, the others are answered as before."""
    rows = pd.DataFrame([(s, q) for q in QUESTIONS for s in SCHEMAS], columns=["context", "question"])
    prompts = encode_prompts(load_prompt(PromptConfig()), rows, fp32[1])
    batches = list(generate(*fp32, prompts, batch_size=4, max_new_tokens=12))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    known = {answer.key for answer in batches[1]} | {batches[2][0].key}
    again = list(generate(*fp32, prompts, batch_size=4, max_new_tokens=12, known=known))
    assert [[(a.key, a.raw) for a in batch] for batch in again] == [
        [(a.key, a.raw) for a in batch] for batch in (batches[0], batches[2])
    ]
    assert all(a.seconds > 0 and a.first_token_s is not None and a.first_token_s > 0 for a in batches[0])


@pytest.mark.slow
def test_a_model_whose_caches_cannot_be_joined_gets_batches_of_one_schema(fp32: tuple[Any, Any]) -> None:
    """A sliding window keeps the last tokens alone, which padding on the left would push out."""
    from tasks.inference.engine import _batches

    model, tokenizer = fp32
    rows = pd.DataFrame([(s, q) for s in SCHEMAS for q in QUESTIONS], columns=["context", "question"])
    prompts = encode_prompts(load_prompt(PromptConfig()), rows, tokenizer)
    places = [(i, 0) for i in range(len(prompts))]
    assert [len(batch) for batch in _batches(model, places, prompts, 8)] == [8, 2]
    before = model.config.layer_types
    model.config.sliding_window, model.config.layer_types = 8, ["sliding_attention", "full_attention"]
    try:
        assert [len(batch) for batch in _batches(model, places, prompts, 8)] == [5, 5]
    finally:
        del model.config.sliding_window
        model.config.layer_types = before
