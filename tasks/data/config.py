"""Settings of the data stage: which rows, which of them are held out, and what makes a row unfit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt

from tasks.common.section import Section


class ValidationConfig(Section):
    """Limits of the validation suite; a row outside them goes to quarantine with the reason."""

    max_question_chars: int = Field(1_000, gt=0, description="Longest question, in characters.")
    max_context_chars: int = Field(20_000, gt=0, description="Longest DDL, in characters.")
    max_answer_chars: int = Field(4_000, gt=0, description="Longest gold SQL, in characters.")
    must_return_rows: bool = Field(
        True, description="Quarantine a gold query that returns no row on any generated database."
    )
    max_quarantined_share: float = Field(
        0.5, ge=0, le=1, description="Stop the night if more than this share of the rows is unfit."
    )


class DataConfig(Section):
    """Where the rows come from and how they are split."""

    source: str = Field(
        "bundled",
        description="'bundled' (the sample that ships with the project) or the path of a CSV, JSONL or Parquet "
        "file with the columns db_id, context, question and answer.",
    )
    holdout_db_ids: tuple[str, ...] = Field(
        ("1",), min_length=1, description="Databases kept for evaluation; the model never trains on them."
    )
    train_rows: dict[Literal["en", "ko"], NonNegativeInt] | None = Field(
        None,
        description="Training rows to draw per language, evenly over databases and kinds of query; "
        "empty means all of them.",
    )
    eval_rows: dict[Literal["en", "ko"], NonNegativeInt] | None = Field(
        None, description="Evaluation rows to draw per language; empty means all of them."
    )
    near_duplicate_ratio: float = Field(
        90.0, gt=0, le=100, description="Questions at least this alike (0-100) across the split are reported."
    )
    seed: int = Field(42, description="Seed of the draw.")
    validation: ValidationConfig = Field(default_factory=lambda: ValidationConfig())
