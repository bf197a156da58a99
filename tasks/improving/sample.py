"""Questions of the training set, and several answers of one model to each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError, StageError
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.data.split import draw
from tasks.improving.config import ImproveConfig
from tasks.inference.config import InferenceConfig
from tasks.inference.predict import answer
from tasks.prompts.prompt import Prompt


def sample(
    model: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: ImproveConfig,
    inference: InferenceConfig,
    dtype: str,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Ask training questions of `data` with the engine, batches and prompt of a night, several answers to each.

    Writes questions.parquet (training rows) and predictions.parquet (`example_id`, `raw`, `sql`, `prompt_tokens`,
    `completion_tokens`; the answers to a question follow each other).

    Raises:
        InputError: the model was tuned with another prompt, or no question is left after the draw.
        StageError: a question is of a database held out for evaluation, or generation failed.
    """
    prompt.check_model(Path(model.path))
    questions = draw_questions(data, config)
    settings = {
        **inference.model_dump(mode="json", exclude={"deadline_s"}),
        "engine": "transformers",  # which draws the same answers each time
        "dtype": dtype,
        "quantization": "none",
        "sampling": {
            "answers": config.answers_per_question,
            "temperature": config.temperature,
            "seed": config.seed,
        },
    }

    def build(folder: Path) -> Counts:
        questions.to_parquet(folder / "questions.parquet", index=False)
        rows = folder / "questions.parquet"
        measured = answer(model.path, rows, prompt, folder, settings, inference.deadline_s, progress)
        return {"questions": len(questions), "answers": measured.pop("rows"), **measured}

    return run_stage(
        store,
        "sampled_answers",
        inputs={
            "model": model.sha256,
            "questions": questions[["example_id", "dialect"]].to_numpy().tolist(),
            "prompt": prompt.hash,
            "inference": settings,
        },
        code=["tasks.inference", "tasks.prompts"],
        build=build,
    )


def draw_questions(data: StageOutput, config: ImproveConfig) -> pd.DataFrame:
    """The training rows to ask, drawn as the rows of a night are.

    Raises:
        InputError: no row is left after the draw.
        StageError: one is of a database held out for evaluation.
    """
    train = pd.read_parquet(data.file("train.parquet"))
    check_held_out(train, pd.read_parquet(data.file("eval.parquet"), columns=["db_id"]))
    questions, _ = draw(train, config.questions, config.seed)
    if questions.empty:
        languages = ", ".join(sorted(train["language"].unique()))
        raise InputError(f"improve.questions: no question is left of {len(train)} training rows in {languages}")
    return questions


def check_held_out(train: pd.DataFrame, evaluation: pd.DataFrame) -> None:
    """Refuse to learn from a database that models are measured on.

    Raises:
        StageError: naming such databases.
    """
    shared = sorted(set(train["db_id"]) & set(evaluation["db_id"]))
    if shared:
        raise StageError(
            f"held-out databases are among the training rows: db_id {', '.join(shared[:5])}"
            f"{' …' if len(shared) > 5 else ''}; nothing is learned from them"
        )
