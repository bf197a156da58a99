"""A round with the real model, from questions to a merged model; slow, and so kept tiny."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.improving.config import ImproveConfig
from tasks.improving.round import improved
from tasks.improving.sample import draw_questions
from tasks.inference.config import InferenceConfig
from tasks.models.config import ModelConfig
from tasks.models.merge import merged_model
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.prompts.tokens import encode_prompts
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig

PROMPT = load_prompt(PromptConfig(template="columns"))
PRECISION = ModelConfig().precision


@pytest.mark.slow
def test_a_seed_decides_what_is_sampled_and_nothing_changes_greedy_answers(
    base: StageOutput, rows: pd.DataFrame
) -> None:
    import torch

    from tasks.inference.engine import Sampling, generate
    from tasks.models.loading import load_model, load_tokenizer

    model, tokenizer = load_model(base.path, "float32"), load_tokenizer(base.path)
    prompts = encode_prompts(PROMPT, rows, tokenizer)

    def answers(sampling: Sampling | None) -> list[tuple[int, str]]:
        torch.manual_seed(0)
        batches = generate(model, tokenizer, prompts, 6, 12, sampling=sampling)
        return [(a.index, a.raw) for batch in batches for a in batch]

    greedy = answers(None)
    first, again = answers(Sampling(3, 1.0, seed=1)), answers(Sampling(3, 1.0, seed=1))
    assert first == again
    assert sorted(index for index, _ in first) == [i for i in range(6) for _ in range(3)]
    assert answers(Sampling(3, 1.0, seed=2)) != first
    assert len({raw for index, raw in first if index == 0}) > 1
    assert answers(Sampling(2, 1e-4, seed=1)) == [one for one in greedy for _ in range(2)]  # so cold that it is greedy
    assert answers(None) == greedy


@pytest.mark.slow
def test_a_round_leaves_an_adapter_that_merges_as_one_of_a_night(
    base: StageOutput, adapter: StageOutput, data: StageOutput, model_store: Path
) -> None:
    config = ImproveConfig(method="dpo", questions={"en": 3}, answers_per_question=3, temperature=1.0)
    small: dict[str, Any] = {"training": TrainingConfig(max_steps=2), "inference": InferenceConfig(max_new_tokens=32)}

    def made() -> Any:
        # The base model itself answers: it is as good a model as any to make mistakes.
        return improved(
            base, adapter, base, data, PROMPT, config, **small, sql=SqlConfig(databases=4), dtype=PRECISION,
            store=model_store,
        )  # fmt: skip

    first = made()
    questions = pd.read_parquet(first.sampled.file("questions.parquet"))
    assert set(questions["db_id"]) <= {"books", "rooms"}  # staff is held out
    verified = pd.read_parquet(first.verified.file("verified.parquet"))
    assert verified["example_id"].tolist() == questions["example_id"].repeat(3).tolist()
    assert first.lessons.counts["pairs"] > 0

    training = json.loads(first.adapter.file("training.json").read_text("utf-8"))
    assert (training["quantization"], training["method"], training["steps"]) == ("nf4", "dpo", 2)
    assert Prompt.of_model(Path(first.adapter.path)) == PROMPT
    assert not first.adapter.file("checkpoints").exists()
    weights = [Path(one.path, "adapter_model.safetensors").read_bytes() for one in (adapter, first.adapter)]
    assert weights[0] != weights[1]
    merged = merged_model(base, first.adapter, PRECISION, model_store)
    assert Prompt.of_model(Path(merged.path)) == PROMPT
    assert all(output.reused for output in made())


def test_held_out_databases_are_never_asked(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_parquet(tmp_path / "train.parquet")
    rows.tail(1).to_parquet(tmp_path / "eval.parquet")
    mixed = StageOutput(stage="data", key="mixed", path=str(tmp_path), sha256="mixed", counts={}, seconds=0)
    with pytest.raises(StageError, match="held-out databases are among the training rows: db_id staff"):
        draw_questions(mixed, ImproveConfig())
    rows.head(5).to_parquet(tmp_path / "train.parquet")
    assert len(draw_questions(mixed, ImproveConfig(questions={"en": 2}))) == 2
    with pytest.raises(InputError, match=r"improve\.questions: no question is left of 5 training rows in en"):
        draw_questions(mixed, ImproveConfig(questions={"ko": 5}))
