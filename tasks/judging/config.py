"""Settings of the LLM judge."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from tasks.common.section import Section
from tasks.llm.config import LlmConfig


class Price(Section):
    """Dollars for a million tokens."""

    prompt: float = Field(ge=0, description="Of a million tokens asked.")
    completion: float = Field(ge=0, description="Of a million tokens answered.")


def _prices() -> dict[str, Price]:
    return {
        "gpt-4o": Price(prompt=2.5, completion=10.0),
        "gpt-4o-mini": Price(prompt=0.15, completion=0.6),
        "gpt-4.1": Price(prompt=2.0, completion=8.0),
        "gpt-4.1-mini": Price(prompt=0.4, completion=1.6),
    }


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
        None, gt=0, description="Dollars that judging one model may cost; what is left over is asked the next night."
    )
    prices: dict[str, Price] = Field(default_factory=_prices, description="Dollars for a million tokens, by model.")
