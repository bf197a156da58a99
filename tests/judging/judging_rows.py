"""Rows, configuration and endpoint that the tests of this room share."""

from __future__ import annotations

from typing import Any

import pandas as pd
from faulty_server import verdict_of

from tasks.judging.config import JudgingConfig
from tasks.llm.endpoint import Endpoint

KEY = "sk-test-4f9d2c77aa10secret"


def make_rows(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(n)],
            "dialect": "mysql",
            "context": "CREATE TABLE player (id INT, team INT)",
            "question": [f"question {i}" for i in range(n)],
            "gold": [f"SELECT COUNT(*) FROM player WHERE team = {i}" for i in range(n)],
            "sql": [f"SELECT COUNT(id) FROM player WHERE team = {i}" for i in range(n)],
        }
    )


def expected(n: int) -> dict[str, str]:
    return {f"{i:016x}": verdict_of(i) for i in range(n)}


def settings(**changes: Any) -> JudgingConfig:
    fast: dict[str, Any] = {
        "requests_per_minute": 60_000,
        "tokens_per_minute": 100_000_000,
        "timeout_s": 0.5,
        "attempts": 6,
        "in_flight": 16,
        "outage_s": 0.5,
        "canaries": False,
    }
    return JudgingConfig(**{**fast, **changes})


def endpoint(url: str) -> Endpoint:
    return Endpoint("gpt-test", "gpt-test", url, KEY, f"gpt-test at {url}")


def said(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["example_id"], table["verdict"], strict=True))
