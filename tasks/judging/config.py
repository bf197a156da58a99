"""Settings of the LLM judge."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tasks.llm.config import LlmConfig


class JudgingConfig(LlmConfig):
    """Who judges, how fast it may be asked, and when its word counts."""

    section: ClassVar[str] = "judging"

    rows: int = Field(24, ge=0, description="Predictions of each model to judge; 0 means no judge.")
    min_kappa: float = Field(
        0.6, ge=-1, le=1, description="Below this agreement with execution (Cohen's kappa) the judge is not trusted."
    )
    seed: int = Field(42, description="Seed of the draw of rows.")
    canaries: bool = Field(True, description="Ask about four rows whose verdict is known along with the others.")
    batch: bool = Field(False, description="Ask in one batch, at half the price, within a day; the rest is asked live.")
    batch_poll_s: float = Field(30.0, gt=0, description="Seconds between two looks at a batch.")
    max_usd: float | None = Field(
        None,
        gt=0,
        description="Dollars that a night's judging may cost, all models and all its tries together; what is left over "
        "is asked the next night.",
    )
    votes: Literal[1, 3, 5] = Field(
        1, description="Verdicts asked for where judge and execution disagree; the majority counts."
    )
