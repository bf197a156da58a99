from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.inference.config import InferenceConfig
from tasks.inference.parity import check_parity
from tasks.inference.predict import predict
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.models.merge import merged_model
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune, smaller
from tasks.training.packing import IGNORED, collate

PROMPT = load_prompt(PromptConfig())
PRECISION = ModelConfig().precision


def shop_rows(count: int) -> pd.DataFrame:
    """Rows with one easy rule each, so that a few steps are seen in the answers."""
    names = ["books", "rooms", "orders", "staff"]
    return pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(count)],
            "context": [f"CREATE TABLE {names[i % 4]} (id INT PRIMARY KEY, price INT);" for i in range(count)],
            "question": [f"How many {names[i % 4]} cost more than {i}?" for i in range(count)],
            "answer": [f"SELECT COUNT(*) FROM {names[i % 4]} WHERE price > {i};" for i in range(count)],
        }
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> StageOutput:
    folder = tmp_path_factory.mktemp("rows")
    rows = shop_rows(36)
    rows.head(32).to_parquet(folder / "train.parquet")
    rows.tail(4).to_parquet(folder / "eval.parquet")
    return StageOutput(stage="data", key="shop", path=str(folder), sha256="shop", counts={}, seconds=0)


@pytest.fixture(scope="module")
def base(model_store: Path) -> StageOutput:
    return base_model(ModelConfig(), model_store)


def train(base: StageOutput, data: StageOutput, store: Path, **settings: Any) -> StageOutput:
    return finetune(base, data, PROMPT, TrainingConfig(**settings), PRECISION, store)


@pytest.mark.slow
def test_training_learns_merging_keeps_it_and_the_model_stops(
    base: StageOutput, data: StageOutput, model_store: Path
) -> None:
    """NF4 training, merge and generation end to end: after 8 steps the held-out rows are answered right."""
    adapter = train(base, data, model_store, max_steps=8)
    losses = [loss for _, loss in json.loads(adapter.file("training.json").read_text())["loss"]]
    assert losses[-1] < losses[0] / 3
    assert not adapter.file("checkpoints").exists()

    merged = merged_model(base, adapter, PRECISION, model_store)
    assert Prompt.of_model(Path(merged.path)) == PROMPT
    assert [f.suffix for f in Path(merged.path).glob("model*")] == [".safetensors"]
    same = check_parity(base, adapter, merged, data, PROMPT, ModelConfig(parity_rows=4), InferenceConfig(), model_store)
    assert same.counts["share"] >= 0.75

    answers = pd.read_parquet(
        predict(merged, data, PROMPT, InferenceConfig(), PRECISION, model_store).file("predictions.parquet")
    )
    expected = shop_rows(36).tail(4)["answer"].tolist()
    assert sum(a == b for a, b in zip(answers["sql"], expected, strict=True)) >= 3
    assert (answers["raw"] == answers["sql"]).all(), "the model goes on after its answer"

    with pytest.raises(InputError, match="tuned with the prompt 'sections'"):
        predict(merged, data, load_prompt(PromptConfig(template="korean")), InferenceConfig(), PRECISION, model_store)
    with pytest.raises(StageError, match=r"fewer than model\.min_parity"):
        other = base.model_copy(update={"stage": "merged_model"})  # an untrained model is not what was trained
        strict = ModelConfig(parity_rows=4, min_parity=0.75)
        check_parity(base, adapter, other, data, PROMPT, strict, InferenceConfig(max_new_tokens=16), model_store)


@pytest.mark.slow
def test_only_answer_and_end_are_learned(base: StageOutput) -> None:
    """What a sequence learns is exactly its completions and their ends; padding is never the end."""
    from tasks.models.loading import load_tokenizer
    from tasks.training.train import to_dataset

    tokenizer = load_tokenizer(base.path)
    rows = shop_rows(8)
    dataset, _ = to_dataset(rows, PROMPT, tokenizer, TrainingConfig(rows_per_sequence=2))
    batch = collate(list(dataset), tokenizer.pad_token_id)
    learned = "".join(tokenizer.decode(labels[labels != IGNORED]) for labels in batch["labels"])
    assert sorted(learned.split(tokenizer.eos_token)) == ["", *sorted(rows["answer"])]
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


@pytest.mark.slow
def test_the_head_on_learned_tokens_only_gives_the_trainers_loss(two_layers: StageOutput) -> None:
    from trl import SFTTrainer

    from tasks.models.loading import load_model, load_tokenizer
    from tasks.training.train import CompletionTrainer, to_dataset, trainer_arguments

    tokenizer = load_tokenizer(two_layers.path)
    dataset, _ = to_dataset(shop_rows(8), PROMPT, tokenizer, TrainingConfig())
    batch = collate(list(dataset), tokenizer.pad_token_id)
    losses = []
    for trainer_class in (SFTTrainer, CompletionTrainer):
        trainer = trainer_class(
            model=load_model(two_layers.path, "float32"),
            args=trainer_arguments(TrainingConfig(), Path(two_layers.path) / "unused", "float32", 4),
            train_dataset=dataset,
            processing_class=tokenizer,
        )
        losses.append(float(trainer.compute_loss(trainer.model, dict(batch))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.slow
def test_rows_that_do_not_fit_are_left_out_and_none_fitting_is_an_error(base: StageOutput) -> None:
    from tasks.models.loading import load_tokenizer
    from tasks.training.train import to_dataset

    tokenizer, config = load_tokenizer(base.path), TrainingConfig(max_length=128, rows_per_sequence=1)
    rows = shop_rows(3)
    rows.loc[1, "context"] = rows.loc[1, "context"] * 40
    fitting, too_long = to_dataset(rows, PROMPT, tokenizer, config)
    assert (len(fitting), too_long) == (2, 1)
    with pytest.raises(InputError, match=r"training\.max_length: all 1 rows are longer than 128 tokens"):
        to_dataset(rows.iloc[[1]], PROMPT, tokenizer, config)


def test_a_smaller_batch_keeps_the_effective_batch() -> None:
    config: TrainingConfig | None = TrainingConfig(batch_size=4, rows_per_sequence=3, gradient_accumulation=2)
    seen = []
    while config:
        seen.append(
            (config.batch_size, config.rows_per_sequence, config.gradient_accumulation, config.activation_checkpointing)
        )
        assert config.batch_size * config.rows_per_sequence * config.gradient_accumulation >= 24
        config = smaller(config)
    assert seen == [(4, 3, 2, False), (2, 3, 4, False), (1, 3, 8, False), (1, 1, 24, False), (1, 1, 24, True)]
