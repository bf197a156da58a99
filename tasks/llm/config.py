"""Settings of a model that is asked over an OpenAI-compatible API; the base of the sections of rooms that ask one."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from tasks.common.section import Section


class Price(Section):
    """Dollars for a million tokens."""

    prompt: float = Field(ge=0, description="Of a million tokens asked.")
    completion: float = Field(ge=0, description="Of a million tokens answered.")

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of so many tokens in dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def _prices() -> dict[str, Price]:
    return {
        "gpt-4o": Price(prompt=2.5, completion=10.0),
        "gpt-4o-mini": Price(prompt=0.15, completion=0.6),
        "gpt-4.1": Price(prompt=2.0, completion=8.0),
        "gpt-4.1-mini": Price(prompt=0.4, completion=1.6),
    }


class LlmConfig(Section):
    """Who is asked and how fast.

    The key comes from the environment (OPENAI_API_KEY) or a Prefect Secret block, never from here.
    """

    section: ClassVar[str] = "llm"  # how messages call the section: "judging.model: no model …"

    model: str = Field("gpt-4o", description="Model asked when there is a key.")
    base_url: str | None = Field(None, description="OpenAI-compatible endpoint; empty means OpenAI's own.")
    secret_block: str | None = Field(
        None, description="Name of the Prefect Secret block that holds the key; empty means OPENAI_API_KEY."
    )
    requests_per_minute: int = Field(500, gt=0, description="Limit of the account's tier.")
    tokens_per_minute: int = Field(30_000, gt=0, description="Limit of the account's tier.")
    attempts: int = Field(5, ge=1, description="Tries for one request before it is an error.")
    timeout_s: float = Field(60.0, gt=0, description="Longest wait for one answer.")
    outage_s: float = Field(300.0, gt=0, description="How long to wait for a server that answers nobody.")
    in_flight: int = Field(256, ge=1, description="Requests under way at once, at most; a killed run pays them twice.")
    prices: dict[str, Price] = Field(default_factory=_prices, description="Dollars for a million tokens, by model.")
