"""A model for tests and benchmarks: all that computes an answer is there, and nothing takes long."""

from __future__ import annotations

from pathlib import Path

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.models.base import base_model
from tasks.models.config import ModelConfig


def two_layers(store: Path) -> StageOutput:
    """The first two layers of the bundled model, as a stage `two_layers` of the store; what it says is nonsense."""
    whole = base_model(ModelConfig(), store)

    def build(folder: Path) -> Counts:
        from tasks.models.loading import load_model, load_tokenizer

        model = load_model(whole.path, "float32")
        del model.model.layers[2:]
        model.config.num_hidden_layers, model.config.layer_types = 2, None
        model.save_pretrained(folder)
        load_tokenizer(whole.path).save_pretrained(folder)
        return {"layers": 2}

    return run_stage(store, "two_layers", inputs={"base": whole.sha256}, code=[], build=build)
