from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.training.config import TrainingConfig

PROMPT = load_prompt(PromptConfig(template="columns"))


@pytest.fixture(scope="session")
def base(model_store: Path) -> StageOutput:
    return base_model(ModelConfig(), model_store)


@pytest.fixture(scope="session")
def adapter(base: StageOutput, model_store: Path) -> StageOutput:
    """An adapter that changes the model, as a night would have left it; not trained, to save the time."""
    import torch
    from peft import get_peft_model

    from tasks.models.loading import load_model
    from tasks.training.train import new_adapter

    def build(folder: Path) -> Counts:
        torch.manual_seed(3)
        model = get_peft_model(load_model(base.path, "float32"), new_adapter(TrainingConfig(lora_r=4)))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02)
        model.save_pretrained(folder)
        PROMPT.save(folder)
        (folder / "training.json").write_text(json.dumps({"quantization": "nf4"}))
        return {}

    return run_stage(model_store, "adapter", inputs={"of": "tests/improving"}, code=[], build=build)


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """Training rows of two schemas, and one evaluation row of a third."""
    tables = ["books", "books", "books", "rooms", "rooms", "staff"]
    return pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(6)],
            "db_id": tables,
            "context": [f"CREATE TABLE {name} (id INT PRIMARY KEY, price INT);" for name in tables],
            "question": [f"How many {name} cost more than {i}?" for i, name in enumerate(tables)],
            "answer": [f"SELECT COUNT(*) FROM {name} WHERE price > {i};" for i, name in enumerate(tables)],
            "dialect": "mysql",
            "language": "en",
            "domain": tables,
            "complexity": "aggregation",
        }
    )


@pytest.fixture(scope="session")
def data(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> StageOutput:
    folder = tmp_path_factory.mktemp("rows")
    rows.head(5).to_parquet(folder / "train.parquet")
    rows.tail(1).to_parquet(folder / "eval.parquet")
    return StageOutput(stage="data", key="six", path=str(folder), sha256="six rows", counts={}, seconds=0)
