"""Rows written by a scripted model that makes every mistake, behind a real server; and how it all ends."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.writing_model import RefusalError, write
from benchmarks.writing_server import WritingServer, writing_server
from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.data.config import DataConfig
from tasks.data.leakage import normalised
from tasks.data.sources.read import read_rows
from tasks.llm.endpoint import needed_endpoint
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig
from tasks.sql.exact import canonical_match
from tasks.synthesis.config import SynthesisConfig
from tasks.synthesis.prompt import KINDS
from tasks.synthesis.stages import make_synthesis, read_domains


def settings(server: WritingServer, folder: Path, domains: str, **changes: Any) -> SynthesisConfig:
    fast = {"requests_per_minute": 60_000, "tokens_per_minute": 10**9, "outage_s": 0.3, "sql": SqlConfig(databases=3)}
    return SynthesisConfig(**{"store": str(folder), "base_url": server.url, "domains": domains, **fast, **changes})


def made(config: SynthesisConfig) -> tuple[StageOutput, pd.DataFrame, pd.DataFrame]:
    output = make_synthesis(config, needed_endpoint(config, None))
    return output, pd.read_parquet(output.file("rows.parquet")), pd.read_parquet(output.file("refused.parquet"))


def test_what_is_accepted_is_sound_new_and_read_by_the_data_room(tmp_path: Path, domains: str) -> None:
    with writing_server(0.01, fault_share=0.1) as server:
        config = settings(server, tmp_path, domains, rows=60)
        output, rows, refused = made(config)
        again, _, _ = made(config)
        assert server.asked.total() == len(server.asked) == output.counts["asked"]
        assert server.refused > 0
    assert 60 <= len(rows) == output.counts["accepted"] < 60 + 3 * len(KINDS)
    assert output.counts["stopped"] == "the wanted rows are there"
    assert again.reused and again.sha256 == output.sha256

    assert set(rows["complexity"]) == set(KINDS)
    assert set(zip(rows["domain"], rows["language"], strict=True)) == {
        ("library", "en"), ("library", "ko"), ("league", "en"),
    }  # fmt: skip
    assert rows.groupby("db_id")["context"].nunique().eq(1).all()
    assert not check_rows(rows, "mysql", SqlConfig(databases=10, seed=99), must_return_rows=False).any()
    assert not rows.assign(q=rows["question"].map(normalised)).duplicated(["context", "q"]).any()
    for (_, context), group in rows.groupby(["language", "context"]):
        answers = list(group["answer"])
        twins = [(a, b) for i, a in enumerate(answers) for b in answers[:i] if canonical_match(a, b, context, "mysql")]
        assert twins == []

    reasons = json.loads(output.file("summary.json").read_text("utf-8"))["refused_by_reason"]
    assert sum(reasons.values()) == len(refused) == output.counts["refused"]
    assert set(refused["reason"].str.partition(":")[0]) == reasons.keys()
    assert reasons.keys() >= {
        "question is there already",
        "query is there already",
        "answer does not parse",
        "unknown column",
        "answer is not one read-only query",
        "question is not in English",
    }
    source = {"kind": "rows", "path": str(tmp_path / "synthesis" / "fields.parquet")}
    read = read_rows(DataConfig.read({"sources": [source]}, "test"))
    shared = ["db_id", "context", "question", "answer", "dialect", "language", "domain", "complexity"]
    assert read[shared].reset_index(drop=True).equals(rows[shared])


def test_tokens_of_prices_and_budget_are_those_the_server_counted(tmp_path: Path, domains: str) -> None:
    with writing_server(0.01) as server:
        config = settings(server, tmp_path, domains, rows=5000, max_tokens=9_000, max_completion_tokens=1500)
        output, rows, _ = made(config)
        tokens = server.tokens
        assert tokens == output.counts["prompt_tokens"] + output.counts["completion_tokens"] <= 9_000
        more = settings(server, tmp_path, domains, rows=5000, max_tokens=12_000, max_completion_tokens=1500)
        further, more_rows, _ = made(more)
        assert server.asked.total() == len(server.asked)
    assert "budget of 9,000 tokens" in str(output.counts["stopped"])
    usd = (output.counts["prompt_tokens"] * 2.5 + output.counts["completion_tokens"] * 10) / 1e6
    assert output.counts["usd"] == pytest.approx(usd, abs=5e-5)
    assert 0 < len(rows) < len(more_rows)
    assert set(rows["question"]) <= set(more_rows["question"])
    assert further.counts["from_journal"] == output.counts["asked"]
    assert tokens < further.counts["prompt_tokens"] + further.counts["completion_tokens"] <= 12_000


def test_an_empty_account_keeps_what_was_made_and_is_no_end(tmp_path: Path, domains: str) -> None:
    with writing_server(0.01) as server:
        config = settings(server, tmp_path, domains, rows=30)

        def until_empty(messages: list[dict[str, str]]) -> str:
            if server.asked.total() >= 3:
                server.empty = True
                time.sleep(0.5)  # others are turned away before this one, which is paid, is answered
            return write(messages)

        server.model = until_empty
        output, rows, _ = made(config)
        assert 0 < len(rows) < 30
        assert "is empty" in str(output.counts["stopped"])
        server.model, server.empty = write, False
        output, more_rows, _ = made(config)
        assert server.asked.total() == len(server.asked)
    assert (output.counts["unanswered"], output.counts["stopped"]) == (0, "the wanted rows are there")
    assert len(more_rows) >= 30
    assert set(rows["question"]) <= set(more_rows["question"])


def test_a_request_without_an_answer_is_sent_by_the_next_run_alone(tmp_path: Path, domains: str) -> None:
    with writing_server(0.01) as server:
        config = settings(server, tmp_path, domains, rows=20, attempts=2)
        server.turned_away = lambda messages: '"league"' in messages[-1]["content"]
        partly, rows, _ = made(config)
        assert partly.counts["unanswered"] > 0
        assert set(rows["domain"]) == {"library"} and len(rows) >= 20
        server.turned_away = lambda messages: False
        whole, rows, _ = made(config)
        assert server.asked.total() == len(server.asked)
    assert whole.counts["unanswered"] == 0
    assert set(rows["domain"]) == {"library", "league"}


def test_a_model_that_brings_nothing_new_is_not_asked_for_ever(tmp_path: Path, domains: str) -> None:
    def always_the_same(messages: list[dict[str, str]]) -> str:
        if '"tables"' in messages[-1]["content"]:
            return '{"ddl": "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(50));"}'
        language = re.search(r'"language": "(\w+)"', messages[-1]["content"])[1]
        question = "제목은 무엇인가요?" if language == "Korean" else "Which titles are there?"
        return json.dumps({"rows": [{"kind": "basic SQL", "question": question, "sql": "SELECT title FROM books"}]})

    def refuses(messages: list[dict[str, str]]) -> str:
        raise RefusalError

    for model, accepted in ((always_the_same, 2), (refuses, 0)):
        with writing_server(0.0, model=model) as server:
            output, rows, refused = made(settings(server, tmp_path / model.__name__, domains, rows=60))
        assert output.counts["stopped"] == "a schema for every domain brought no new row"
        assert len(rows) == accepted
        assert len(refused) > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("domains: []", "domains"),
        ("domains: [{name: A b, description: x}]", "domains.0.name"),
        ("domains: [{name: a, description: x, languages: [fr]}]", "domains.0.languages.0"),
        ("domains: [{name: a, description: x}, {name: a, description: y}]", "'a' is there twice"),
        ("domians: []", "did you mean 'domains'"),
        ("- a", "expected keys and values"),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_list_of_domains_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "fields.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read_domains(str(path))
    assert "\n" not in str(caught.value) and "fields.yaml" in str(caught.value)


def test_without_list_key_or_address_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: No such file"):
        read_domains("nowhere.yaml")
    with pytest.raises(InputError, match=r"OPENAI_API_KEY, synthesis\.secret_block or synthesis\.base_url"):
        needed_endpoint(SynthesisConfig(), None)
