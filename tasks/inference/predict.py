"""Generation as a stage: one model, one set of evaluation rows, one file of predictions."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.common.process import run_module
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.inference.config import InferenceConfig
from tasks.models.base import CHILD_ENV
from tasks.prompts.prompt import Prompt


def predict(
    model: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: InferenceConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Generate SQL for the evaluation rows of `data` with a saved model.

    Engine, precision and batch are part of the output's identity, so that two models are only ever
    compared when they were asked alike.

    Raises:
        InputError: the model was tuned with another prompt.
        StageError: generation failed or passed its deadline.
    """
    prompt.check_model(Path(model.path))
    settings = config.model_dump(mode="json", exclude={"deadline_s"}) | {
        "engine": "transformers",
        "dtype": dtype,
    }

    def build(folder: Path) -> Counts:
        job = {
            "model": model.path,
            "rows": str(data.file("eval.parquet")),
            "prompt": prompt.model_dump(),
            "folder": str(folder),
            **settings,
        }
        run_module(
            "tasks.inference.child",
            job,
            folder,
            deadline_s=config.deadline_s,
            progress=progress,
            env=CHILD_ENV,
        )
        counts: Counts = json.loads((folder / LOGS / "measured.json").read_text("utf-8"))
        return counts

    return run_stage(
        store,
        "predictions",
        inputs={"model": model.sha256, "data": data.sha256, "prompt": prompt.hash, "inference": settings},
        code=["tasks.inference", "tasks.prompts"],
        build=build,
    )
