"""Settings of the LLM judge."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class JudgingConfig(Section):
    """Who judges, how fast it may be asked, and when its word counts.

    The key comes from the environment (OPENAI_API_KEY) or a Prefect Secret block, never from here.
    """

    rows: int = Field(24, ge=0, description="Predictions of each model to judge; 0 means no judge.")
    model: str = Field("gpt-4o", description="Model asked when there is a key.")
    base_url: str | None = Field(None, description="OpenAI-compatible endpoint; empty means OpenAI's own.")
    secret_block: str | None = Field(
        None, description="Name of the Prefect Secret block that holds the key; empty means OPENAI_API_KEY."
    )
    requests_per_minute: int = Field(500, gt=0, description="Limit of the account's tier.")
    tokens_per_minute: int = Field(30_000, gt=0, description="Limit of the account's tier.")
    attempts: int = Field(5, ge=1, description="Tries for one row before it is an error.")
    timeout_s: float = Field(60.0, gt=0, description="Longest wait for one answer.")
    min_kappa: float = Field(
        0.6, ge=-1, le=1, description="Below this agreement with execution (Cohen's kappa) the judge is not trusted."
    )
    seed: int = Field(42, description="Seed of the draw of rows.")
