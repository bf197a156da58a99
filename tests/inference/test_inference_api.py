"""A model behind an API that writes SQL: what it costs, what it keeps, and what is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.writing_server import WritingServer, writing_server
from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.inference.api import predict_by_api
from tasks.inference.config import ApiConfig
from tasks.llm.endpoint import needed_endpoint
from tasks.prompts.config import AskingConfig, PromptConfig
from tasks.prompts.prompt import load_prompt

KEY = "sk-a-key-that-nobody-may-read"
PROMPT = load_prompt(PromptConfig())
ROWS = pd.DataFrame(
    [(f"{i:04x}", f"CREATE TABLE t{i} (id INT);", "How many?", f"SELECT COUNT(*) FROM t{i};") for i in range(12)],
    columns=["example_id", "context", "question", "answer"],
)


def write(messages: list[dict[str, str]]) -> str:
    table = messages[-1]["content"].split("CREATE TABLE ")[1].split()[0]
    return f"Sure:\n```sql\nSELECT COUNT(*)\nFROM {table};\n```"


@pytest.fixture
def data(tmp_path: Path) -> StageOutput:
    ROWS.to_parquet(tmp_path / "eval.parquet")
    ROWS.assign(question="How many rows?").to_parquet(tmp_path / "train.parquet")
    return StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)


def asked(server: WritingServer, data: StageOutput, store: Path, examples: int = 0, **settings: Any) -> StageOutput:
    fast = {"requests_per_minute": 60_000, "tokens_per_minute": 10**9, "outage_s": 5}
    config = ApiConfig(**{"model": "gpt-4o-mini", "base_url": server.url, **fast, **settings})
    return predict_by_api(
        needed_endpoint(config, KEY), data, PROMPT, config, AskingConfig(examples=examples), 84, store
    )


def test_every_row_gets_its_own_answer_through_faults_and_is_paid_once(data: StageOutput, tmp_path: Path) -> None:
    with writing_server(0.01, fault_share=0.3, model=write) as server:
        output = asked(server, data, tmp_path / "store")
        assert asked(server, data, tmp_path / "store").reused
        more = asked(server, data, tmp_path / "store", examples=1)
        assert server.asked.total() == len(server.asked) == 24
    answers = pd.read_parquet(output.file("predictions.parquet"))
    assert list(answers["example_id"]) == list(ROWS["example_id"])
    assert list(answers["sql"]) == [f"SELECT COUNT(*)\nFROM t{i};" for i in range(12)]
    assert answers["raw"].str.startswith("Sure:\n```sql\nSELECT").all(), "the raw text is kept as it was written"
    tokens = int(output.counts["prompt_tokens"]), int(output.counts["completion_tokens"])
    assert output.counts["usd"] == pytest.approx((tokens[0] * 0.15 + tokens[1] * 0.6) / 1e6, abs=1e-6)
    assert output.counts["asked"] == 12 and float(output.counts["rows_per_s"]) > 0
    assert int(more.counts["prompt_tokens"]) > tokens[0]


def test_a_row_without_an_answer_is_no_wrong_answer_and_is_asked_again_alone(data: StageOutput, tmp_path: Path) -> None:
    with writing_server(0.01, model=write) as server:
        server.turned_away = lambda messages: "CREATE TABLE t7 " in messages[-1]["content"]
        with pytest.raises(StageError, match=r"1 of 12 rows got no answer from gpt-4o-mini, .* HTTP 500"):
            asked(server, data, tmp_path / "store", attempts=2)
        server.turned_away = lambda messages: False
        output = asked(server, data, tmp_path / "store")
        assert server.asked.total() == len(server.asked) == 12
    assert output.counts["asked"] == 1
    assert len(pd.read_parquet(output.file("predictions.parquet"))) == 12


def test_a_model_without_a_price_has_no_cost_and_the_key_is_nowhere(data: StageOutput, tmp_path: Path) -> None:
    with writing_server(model=lambda messages: f"{write(messages)} by {KEY}") as server:
        output = asked(server, data, tmp_path / "store", model="our-own")
    assert "usd" not in output.counts
    for file in (tmp_path / "store").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_without_key_and_address_it_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(InputError, match=r"compare\.systems\.api\.base_url: one is needed to ask 'gpt-4o'"):
        needed_endpoint(ApiConfig(), None)
