"""Fine-tuning of the smallest model, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.store import StageOutput
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finish

PROMPT = load_prompt(PromptConfig(template="columns"))

ROOT = Path(__file__).parents[2]


def rows_of(count: int, words: int = 1) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(count)],
            "context": [f"CREATE TABLE t{i % 3} (id INT PRIMARY KEY, price INT);" for i in range(count)],
            "question": [f"How many cost more than {i}?" * words for i in range(count)],
            "answer": [f"SELECT COUNT(*) FROM t{i % 3} WHERE price > {i};" for i in range(count)],
        }
    )


def data_of(rows: pd.DataFrame, folder: Path) -> StageOutput:
    folder.mkdir(exist_ok=True)
    rows.to_parquet(folder / "train.parquet")
    return StageOutput(stage="data", key="t", path=str(folder), sha256=str(len(rows)), counts={}, seconds=0)


def start(
    base: StageOutput, data: StageOutput, store: Path, megabytes: int = 0, dtype: str = "float32", **settings: Any
) -> tuple[subprocess.Popen[str], Path]:
    job = {
        "base": base.model_dump(),
        "data": data.model_dump(),
        "prompt": PROMPT.model_dump(),
        "training": TrainingConfig(**settings).model_dump(mode="json"),
        "dtype": dtype,
        "store": str(store),
        "megabytes": megabytes,
    }
    store.mkdir(exist_ok=True)
    file = store / "job.json"
    file.write_text(json.dumps(job))
    command = [sys.executable, "-m", "benchmarks.training.driver", str(file)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True), file.with_suffix(".out")


def in_this_process(base: StageOutput, data: StageOutput, folder: Path, **settings: Any) -> StageOutput:
    """The same training, undisturbed, without the seconds that processes take to start."""
    from tasks.training.train import main

    (folder / "logs").mkdir(parents=True)
    job = {
        "base": base.path,
        "start": None,
        "train": str(data.file("train.parquet")),
        "held_back": str(data.file("eval.parquet")) if settings.get("validation_rows") else None,
        "prompt": PROMPT.model_dump(),
        "dtype": "float32",
        "folder": str(folder),
        "training": TrainingConfig(**settings).model_dump(mode="json"),
    }
    main(job)
    config = TrainingConfig(**settings)
    counts = finish(folder, config, config)
    return StageOutput(stage="adapter", key=folder.name, path=str(folder), sha256="", counts=counts, seconds=0)


def finished(started: tuple[subprocess.Popen[str], Path]) -> StageOutput:
    process, out = started
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-2000:]
    return StageOutput.model_validate_json(out.read_text())
