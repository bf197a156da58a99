"""Generation as a stage: one model, one set of evaluation rows, one file of predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.process import run_module
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.inference.config import InferenceConfig
from tasks.models.base import CHILD_ENV
from tasks.prompts.asking import help_with
from tasks.prompts.config import AskingConfig
from tasks.prompts.prompt import Prompt

AS_IT_IS = AskingConfig()


def predict(
    model: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: InferenceConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
    base: StageOutput | None = None,
    quantization: str = "none",
    asking: AskingConfig = AS_IT_IS,
) -> StageOutput:
    """Generate SQL for the evaluation rows of `data` with a saved model, or with an adapter on its `base`.

    Engine, precision and batch are part of the output's identity and among its counts, so that two models are only
    ever compared when they were asked alike. What a killed run has answered is not answered again.

    Raises:
        InputError: the model was tuned with another prompt, or has no chat template and the prompt asks for one.
        StageError: generation failed or passed its deadline.
    """
    prompt.check_model(Path(model.path))
    settings = config.model_dump(mode="json", exclude={"deadline_s"}) | {"dtype": dtype, "quantization": quantization}

    def build(folder: Path) -> Counts:
        rows = asked_rows(data, asking, folder)
        measured = answer(model.path, rows, prompt, folder, settings, config.deadline_s, progress, base)
        precision = dtype if quantization == "none" else f"{quantization}, {dtype}"
        return measured | {"engine": config.engine, "precision": precision, "batch": config.batch_size}

    return run_stage(
        store,
        "predictions",
        inputs={
            "model": model.sha256,
            "base": base.sha256 if base else None,
            "data": data.sha256,
            "prompt": prompt.hash,
            "asking": asking.model_dump(mode="json"),
            "inference": settings,
        },
        code=["tasks.inference", "tasks.prompts"],
        build=build,
        resume=True,
    )


def asked_rows(data: StageOutput, asking: AskingConfig, folder: Path) -> Path:
    """The evaluation rows of `data` as they are asked: a Parquet file."""
    rows = data.file("eval.parquet")
    if asking == AS_IT_IS:
        return rows
    helped = help_with(pd.read_parquet(rows), pd.read_parquet(data.file("train.parquet")), asking)
    file = folder / LOGS / "asked.parquet"
    file.parent.mkdir(exist_ok=True)
    helped.to_parquet(file, index=False)
    return file


def answer(
    model: str,
    rows: Path,
    prompt: Prompt,
    folder: Path,
    settings: Mapping[str, Any],
    deadline_s: float,
    progress: Progress = silent,
    base: StageOutput | None = None,
) -> Counts:
    """Answer `rows` (a Parquet file) in a process of its own, which writes predictions.parquet into `folder`.

    Args:
        model: folder of a saved model, or of an adapter on `base`.
        rows: columns `example_id`, `context`, `question`, and `examples` to be shown before it.
        prompt: the one to ask with.
        folder: where the answers go; those that are there already are kept.
        settings: `engine`, `dtype`, `quantization`, `batch_size`, `max_new_tokens`, and `sampling` for several answers
            a row.
        deadline_s: generation is stopped after so many seconds.
        progress: hears how many answers there are.
        base: see `model`.

    Returns:
        What the process measured: rows, speed, peak memory.
    """
    job = {
        "model": model,
        "base": base.path if base else None,
        "rows": str(rows),
        "prompt": prompt.model_dump(),
        "folder": str(folder),
        **settings,
    }
    run_module("tasks.inference.child", job, folder, deadline_s=deadline_s, progress=progress, env=CHILD_ENV)
    measured: Counts = json.loads((folder / LOGS / "measured.json").read_text("utf-8"))
    return measured
