from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.inference.engine import generate
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.prompts.tokens import shared_prefix

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
def fp32(model_store: Path) -> tuple[Any, Any]:
    from tasks.models.loading import load_model, load_tokenizer

    folder = base_model(ModelConfig(), model_store).path
    return load_model(folder, "float32"), load_tokenizer(folder)


@pytest.mark.slow
def test_batches_with_a_shared_prefix_answer_as_one_prompt_at_a_time(fp32: tuple[Any, Any]) -> None:
    """In fp32 the shared prefix, the padding behind it and the batch change nothing."""
    prompt = load_prompt(PromptConfig())
    prompts = [prompt.render(schema, question) for question in QUESTIONS for schema in SCHEMAS]
    together = sorted(generate(*fp32, prompts, batch_size=4, max_new_tokens=24), key=lambda a: a.index)
    alone = [next(generate(*fp32, [text], batch_size=1, max_new_tokens=24)) for text in prompts]
    assert [a.raw for a in together] == [a.raw for a in alone]
    assert [a.prompt_tokens for a in together] == [a.prompt_tokens for a in alone]
    assert [a.completion_tokens for a in together] == [a.completion_tokens for a in alone]
    assert len({a.raw for a in together}) > 1
