"""The sets to learn from, as a stage."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.common.errors import StageError
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.improving.config import ImproveConfig, Method
from tasks.improving.sets import SOMETIMES, counts, preference_pairs, rejection_set, statuses


def make_lessons(sampled: StageOutput, verified: StageOutput, config: ImproveConfig, store: Path) -> StageOutput:
    """Make what the three methods learn from.

    Writes train.parquet (rows as training takes them, see `rejection_set`), pairs.parquet (see `preference_pairs`)
    and mixed.parquet (questions that the model answers right sometimes: those on which rewards differ).
    """

    def build(folder: Path) -> Counts:
        questions = pd.read_parquet(sampled.file("questions.parquet"))
        answers = pd.read_parquet(verified.file("verified.parquet"))
        learned = rejection_set(questions, answers, config.kept_share, config.seed)
        pairs = preference_pairs(questions, answers, config.pairs_per_question)
        mixed = questions[questions["example_id"].map(statuses(answers)) == SOMETIMES]
        learned.to_parquet(folder / "train.parquet", index=False)
        pairs.to_parquet(folder / "pairs.parquet", index=False)
        mixed.to_parquet(folder / "mixed.parquet", index=False)
        return {**counts(questions, answers, learned, pairs)}

    return run_stage(
        store,
        "lessons",
        inputs={
            "sampled": sampled.sha256,
            "verified": verified.sha256,
            "config": config.model_dump(mode="json", include={"kept_share", "pairs_per_question", "seed"}),
        },
        code=["tasks.improving.sets", "tasks.improving.lessons"],
        build=build,
    )


def check_lessons(lessons: StageOutput, method: Method) -> None:
    """Stop a round that has nothing to learn.

    Raises:
        StageError: with the numbers.
    """
    told = lessons.counts
    if not told[{"rejection": "rows", "dpo": "pairs", "grpo": "sometimes_right"}[method]]:
        raise StageError(
            f"improve: nothing to learn by {method}: of {told['questions']} questions, {told['always_right']} were "
            f"answered right every time, {told['sometimes_right']} sometimes and {told['never_right']} never; on "
            f"{told['open']} execution decides nothing"
        )
