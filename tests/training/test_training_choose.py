"""The best of the checkpoints: those with the lowest losses on rows held back, and of them the one that is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from driven import PROMPT, data_of, in_this_process, rows_of

from benchmarks.training.driver import difference
from tasks.common.errors import StageError
from tasks.common.store import StageOutput
from tasks.training.choose import candidates, choose
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune


@pytest.fixture(scope="module")
def adapter(two_layers: StageOutput, tmp_path_factory: pytest.TempPathFactory) -> StageOutput:
    """Trained with steps so large that the loss on the rows held back soon rises."""
    folder = tmp_path_factory.mktemp("adapter")
    rows = data_of(rows_of(72), folder / "rows")
    rows_of(76).tail(4).to_parquet(rows.file("eval.parquet"))
    return in_this_process(
        two_layers,
        rows,
        folder / "made",
        quantization="none",
        learning_rate=0.3,
        lr_scheduler="constant_with_warmup",
        validation_rows=4,
        checkpoint_every_steps=1,
        patience=4,
    )


@pytest.mark.slow
def test_training_stops_when_the_loss_rises_and_keeps_the_lowest(adapter: StageOutput) -> None:
    losses = json.loads(adapter.file("candidates/losses.json").read_text())
    best = min(losses, key=lambda one: one["held_back_loss"])
    assert adapter.counts["steps"] == best["step"] + 4 < 18, "four measurements without a lower loss end it"
    found = candidates(adapter)
    assert len(found) == 3
    lowest = sorted(one["held_back_loss"] for one in losses)[:3]
    assert [one.counts["held_back_loss"] for one in found] == lowest
    assert difference(adapter, found[0]) == 0
    assert difference(adapter, found[1]) > 0
    assert not adapter.file("checkpoints").exists()
    assert 0 < float(adapter.counts["utilisation"]) <= 1.1, "of two clocks"
    assert float(adapter.counts["tokens_per_s"]) > 0


@pytest.mark.slow
def test_the_one_that_is_right_most_often_is_taken_and_is_an_adapter_like_any_other(
    adapter: StageOutput, tmp_path: Path
) -> None:
    found = candidates(adapter)
    for shares, expected in (([0.2, 0.5, 0.5], 1), ([0.5, 0.5, 0.4], 0)):
        chosen = choose(adapter, list(zip(found, shares, strict=True)), tmp_path)
        assert chosen.stage == "adapter"
        assert chosen.counts["step"] == found[expected].counts["step"]
        assert chosen.counts["ex_held_back"] == 0.5
        assert difference(chosen, found[expected]) == 0
        assert not chosen.file("candidates").exists()
        assert json.loads(chosen.file("training.json").read_text())["quantization"] == "none"


def test_the_evaluation_rows_are_never_used_to_pick(two_layers: StageOutput, tmp_path: Path) -> None:
    data = data_of(rows_of(8), tmp_path / "rows")
    config = TrainingConfig(validation_rows=2)
    with pytest.raises(StageError, match=r"training\.validation_rows: no training rows were held back"):
        finetune(two_layers, data, PROMPT, config, "float32", tmp_path)
