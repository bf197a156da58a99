"""Settings of the data stage: which rows, which of them are held out, and what makes a row unfit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, field_validator, model_validator

from tasks.common.section import Section
from tasks.data.sources.config import BundledSource, Source
from tasks.sql.config import Kind

Language = Literal["en", "ko"]


class ValidationConfig(Section):
    """Limits of the validation suite; a row outside them goes to quarantine with the reason."""

    max_question_chars: int = Field(1_000, gt=0, description="Longest question, in characters.")
    max_context_chars: int = Field(20_000, gt=0, description="Longest DDL, in characters.")
    max_answer_chars: int = Field(4_000, gt=0, description="Longest gold SQL, in characters.")
    db_ids: tuple[str, ...] | None = Field(
        None, min_length=1, description="The only databases that rows may be of; empty allows any."
    )
    must_return_rows: bool = Field(
        True, description="Quarantine a gold query that returns no row on any generated database."
    )
    max_quarantined_share: float = Field(
        0.5, ge=0, le=1, description="Stop the night if more than this share of the rows is unfit."
    )


class SubsetConfig(Section):
    """Which rows of the sources are used at all; the held-out databases have to be among them."""

    domains: tuple[str, ...] | None = Field(None, min_length=1, description="Domains to use; empty means all of them.")
    kinds: tuple[Kind, ...] | None = Field(
        None, min_length=1, description="Kinds of query to use; empty means all of them."
    )
    languages: tuple[Language, ...] | None = Field(
        None, min_length=1, description="Languages to use; empty means both."
    )


class LeakageConfig(Section):
    """What may not stand on both sides of the split, beyond databases, schemas, questions and answers."""

    near_duplicate_ratio: float = Field(
        90.0, gt=0, le=100, description="Training questions at least this alike (0-100) to an evaluation one are told."
    )
    drop_ratio: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Training questions at least this alike (0-100) to an evaluation one are dropped; empty drops "
        "none. Questions that differ in one constant are alike, and honest.",
    )

    @model_validator(mode="after")
    def _dropped_are_told(self) -> LeakageConfig:
        if self.drop_ratio is not None and self.drop_ratio < self.near_duplicate_ratio:
            raise ValueError(f"drop_ratio ({self.drop_ratio}) is below near_duplicate_ratio; expected at least that")
        return self


class DataConfig(Section):
    """Where the rows come from and how they are split."""

    sources: tuple[Source, ...] = Field(
        (BundledSource(kind="bundled"),),
        description='Where rows come from; several are joined. A file of your own: {"kind": "rows", "path": '
        '"rows.jsonl"}. Kinds: bundled, rows, sql_table, spider, wikisql, sql_create_context, gretel, ko_text2sql, '
        "aihub (docs/data.md).",
    )
    holdout_db_ids: tuple[str, ...] = Field(
        ("1",), min_length=1, description="Databases kept for evaluation; the model never trains on them."
    )
    train_rows: dict[Language, NonNegativeInt] | None = Field(
        None,
        description="Training rows to draw per language, evenly over domains and kinds of query; "
        "empty means all of them.",
    )
    eval_rows: dict[Language, NonNegativeInt] | None = Field(
        None, description="Evaluation rows to draw per language; empty means all of them."
    )
    seed: int = Field(42, description="Seed of the draw.")
    subset: SubsetConfig = Field(default_factory=lambda: SubsetConfig())
    leakage: LeakageConfig = Field(default_factory=lambda: LeakageConfig())
    validation: ValidationConfig = Field(default_factory=lambda: ValidationConfig())

    @field_validator("sources")
    @classmethod
    def _at_least_one(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if not sources:
            raise ValueError("expected at least one source")
        return sources
