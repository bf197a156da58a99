"""What the parts share: rows, one training by any script, and how well the merged model answers held-out games."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.process import run_module
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.config import load_profile
from tasks.data.config import Language
from tasks.data.prepare import prepare_data
from tasks.inference.predict import predict
from tasks.models.base import CHILD_ENV, base_model
from tasks.models.merge import merged_model
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.scoring.accuracy import count
from tasks.scoring.score import score_rows
from tasks.training.config import TrainingConfig
from tasks.training.finetune import launcher

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate")
LAPTOP = load_profile("laptop")
DTYPE = LAPTOP.model.precision
OURS = "tasks.training.train"
COLUMNS = load_prompt(LAPTOP.prompt)
SECTIONS = load_prompt(PromptConfig(template="sections"))
CODE = ("tasks.training", "tasks.prompts", "tasks.models.loading", "benchmarks.training.book")
STORE = Path(".nightly/benchmark")  # what took long to make is made once, for all parts
GAMES: dict[Language, int] = {"en": 112, "ko": 112}


class Bench:
    """A store with the base model and rows, in which adapters are trained and measured."""

    def __init__(
        self, store: Path, train: dict[Language, int], evaluate: dict[Language, int], base: str = LAPTOP.model.base
    ) -> None:
        self.store = store
        data = LAPTOP.data.model_copy(update={"train_rows": train, "eval_rows": evaluate})
        self.data = prepare_data(data, LAPTOP.sql, store)
        self.base = base_model(LAPTOP.model.model_copy(update={"base": base}), store)

    def train(
        self, name: str, training: TrainingConfig, prompt: Prompt = COLUMNS, module: str = OURS, **told: Any
    ) -> StageOutput:
        """Run a training script as a night does; `counts` are what it measured of itself."""
        job = {
            "base": self.base.path,
            "start": None,
            "train": str(self.data.file("train.parquet")),
            "held_back": None,
            "prompt": prompt.model_dump(),
            "dtype": DTYPE,
            "training": training.model_dump(mode="json"),
            **told,
        }

        def build(folder: Path) -> Counts:
            told = {**job, "folder": str(folder)}
            run_module(module, told, folder, deadline_s=7_200, launcher=launcher(), env={**CHILD_ENV, **here()})
            measured: Counts = json.loads((folder / LOGS / "measured.json").read_text("utf-8"))
            return measured | {"rows": json.loads((folder / "training.json").read_text("utf-8"))["rows"]}

        inputs = {"name": name, "module": module, "job": job}
        return run_stage(self.store, "adapter", inputs=inputs, code=CODE, build=build)

    def answered(self, adapter: StageOutput, prompt: Prompt = COLUMNS) -> pd.DataFrame:
        """Merge the adapter and score its answers to the held-out rows."""
        return self.scores(merged_model(self.base, adapter, DTYPE, self.store), prompt)

    def scores(self, model: StageOutput, prompt: Prompt = COLUMNS) -> pd.DataFrame:
        """Score the answers of a saved model to the held-out rows."""
        answers = predict(model, self.data, prompt, LAPTOP.inference, DTYPE, self.store)
        rows = pd.read_parquet(self.data.file("eval.parquet"))
        return score_rows(rows, pd.read_parquet(answers.file("predictions.parquet")), LAPTOP.sql)


def accuracy(scores: pd.DataFrame) -> dict[str, float]:
    """Execution accuracy in per cent by language."""
    found = count(scores)
    return {key: round(100 * float(value), 1) for key, value in found.items() if key.startswith("ex_")}


def here() -> Mapping[str, str]:
    """The folder this benchmark runs in, for a launcher between us and a script of it."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))}
