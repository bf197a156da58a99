from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.training.config import TrainingConfig

PROMPT = load_prompt(PromptConfig(template="columns"))
CONFIG = TrainingConfig(rows_per_sequence=4)
BETA, SFT_WEIGHT = 0.3, 0.2


@pytest.fixture(scope="module")
def pairs(rows: pd.DataFrame) -> pd.DataFrame:
    wrong = rows["answer"].str.replace(">", "<").str.replace("COUNT(*)", "SUM(price), id")
    return rows.head(5).assign(chosen=rows["answer"], rejected=wrong)


def loaded(base: StageOutput, adapter: StageOutput, dtype: str, quantization: str) -> tuple[Any, Any]:
    from tasks.improving.script import load_start
    from tasks.models.loading import load_tokenizer

    model = load_start({"base": base.path, "start": adapter.path, "dtype": dtype}, quantization)
    return model, load_tokenizer(base.path)


def trainer_of(model: Any, pairs: pd.DataFrame, tokenizer: Any, folder: Path) -> Any:
    from functools import partial

    from tasks.improving.dpo import PreferenceTrainer, collate_pairs, to_dataset, with_reference
    from tasks.training.train import trainer_arguments

    together = partial(collate_pairs, pad_token_id=tokenizer.pad_token_id)
    dataset, _ = to_dataset(pairs, PROMPT, tokenizer, CONFIG)
    return PreferenceTrainer(
        model=model,
        args=trainer_arguments(CONFIG, folder, "float32", len(dataset)),
        train_dataset=with_reference(dataset, model, together),
        data_collator=together,
        processing_class=tokenizer,
        beta=BETA,
        sft_weight=0.0,
    )


def move(model: Any) -> None:
    """Change the adapter, as training steps would."""
    import torch

    torch.manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_B.default" in name:
            parameter.data += 0.01 * torch.randn_like(parameter)


@pytest.mark.slow
def test_the_reference_is_the_adapter_that_training_starts_from(
    base: StageOutput, adapter: StageOutput, pairs: pd.DataFrame, tmp_path: Path
) -> None:
    """On the quantised base, too, the loss before the first step is ln 2: nothing has moved yet."""
    import torch

    from tasks.improving.dpo import answer_log_probs
    from tasks.models.config import ModelConfig

    model, tokenizer = loaded(base, adapter, ModelConfig().precision, "nf4")
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    trainer = trainer_of(model, pairs, tokenizer, tmp_path)
    model.train()
    sequences = list(trainer.train_dataset)
    assert [len(s["reference"]) for s in sequences] == [4, 2, 4]  # three pairs of one schema, two of the other
    losses = [trainer.compute_loss(model, trainer.data_collator([s])).item() for s in sequences]
    assert losses == pytest.approx([log(2)] * 3, abs=1e-6)

    with model.disable_adapter(), torch.no_grad():
        untuned, _ = answer_log_probs(model, trainer.data_collator(sequences[:1]))
    assert (untuned - torch.tensor(sequences[0]["reference"])).abs().min() > 0.1  # the base would be another one

    move(model)
    assert abs(trainer.compute_loss(model, trainer.data_collator(sequences[:1])).item() - log(2)) > 1e-3


@pytest.mark.slow
def test_packed_pairs_give_the_loss_that_trl_gives_them_one_by_one(
    base: StageOutput, adapter: StageOutput, pairs: pd.DataFrame, tmp_path: Path
) -> None:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = loaded(base, adapter, "float32", "none")
    ours = trainer_of(model, pairs, tokenizer, tmp_path)
    sides = {side: [PROMPT.completion(sql) for sql in pairs[side]] for side in ("chosen", "rejected")}
    theirs = DPOTrainer(
        model=model,
        args=DPOConfig(
            output_dir=str(tmp_path),
            beta=BETA,
            loss_type=["sigmoid", "sft"],
            loss_weights=[1.0, SFT_WEIGHT],
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            report_to="none",
        ),
        train_dataset=Dataset.from_dict({"prompt": PROMPT.render_rows(pairs), **sides}),
        processing_class=tokenizer,
    )
    move(model)
    ours.sft_weight = SFT_WEIGHT
    mine = ours.compute_loss(model, ours.data_collator(list(ours.train_dataset)))
    expected = theirs.compute_loss(model, theirs.data_collator(list(theirs.train_dataset)))
    assert mine.item() == pytest.approx(expected.item(), rel=1e-4)
    assert abs(mine.item() - log(2)) > 0.01


@pytest.mark.slow
def test_a_pair_that_does_not_fit_is_left_out_whole(base: StageOutput, pairs: pd.DataFrame) -> None:
    from tasks.improving.dpo import to_dataset
    from tasks.models.loading import load_tokenizer

    tokenizer, config = load_tokenizer(base.path), TrainingConfig(max_length=128)
    long = pairs.copy()
    long.loc[1, "rejected"] = "SELECT " + ", ".join(["price"] * 80) + " FROM books"
    sequences, too_long = to_dataset(long, PROMPT, tokenizer, config)
    assert (too_long, sum(max(s["segments"]) for s in sequences)) == (1, 8)
    with pytest.raises(InputError, match=r"training\.max_length: all 1 pairs are longer than 128 tokens"):
        to_dataset(long.iloc[[1]], PROMPT, tokenizer, config)
