"""Rows that do not fit are taken out with the model's reason; what the model cannot say is kept and marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.writing_server import WritingServer, writing_server
from tasks.common.store import StageOutput
from tasks.llm.endpoint import needed_endpoint
from tasks.synthesis.config import CleaningConfig
from tasks.synthesis.stages import make_cleaning

CONTEXT = "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(50));"
PLANTED = {
    "fit": ("Which titles are there?", "SELECT title FROM books"),
    "other table": ("Which loans are there?", "SELECT * FROM loans"),
    "other question": ("How was the weather?", "SELECT title FROM books"),
    "unclear": ("Which books are perhaps good?", "SELECT title FROM books"),
    "missing": ("Which titles are there?", None),
    "twin of fit": ("Which titles are there?", "SELECT title FROM books"),
}


def rows_file(folder: Path) -> str:
    rows = [{"db_id": name, "context": CONTEXT, "question": q, "answer": sql} for name, (q, sql) in PLANTED.items()]
    pd.DataFrame(rows).to_parquet(folder / "mine.parquet")
    return str(folder / "mine.parquet")


def cleaned(server: WritingServer, folder: Path, **changes: Any) -> StageOutput:
    source = {"kind": "rows", "path": rows_file(folder)}
    fast = {"requests_per_minute": 60_000, "tokens_per_minute": 10**9, "attempts": 2, "outage_s": 0.3}
    config = CleaningConfig(**{"store": str(folder), "base_url": server.url, "source": source, **fast, **changes})
    return make_cleaning(config, needed_endpoint(config, None))


def by_name(output: StageOutput, file: str) -> dict[str, str]:
    table = pd.read_parquet(output.file(file))
    assert table["reason"].str.len().gt(0).all()
    assert list(table["row"].str[:13]) == ["mine.parquet:"] * len(table)
    return dict(zip(table["db_id"], table["fits"], strict=True))


def test_every_row_is_kept_or_refused_with_a_reason(tmp_path: Path) -> None:
    with writing_server(0.01) as server:
        output = cleaned(server, tmp_path)
        assert server.asked.total() == len(server.asked) == 5  # three that differ, one of them twice, one unclear
    kept, refused = by_name(output, "rows.parquet"), by_name(output, "refused.parquet")
    assert refused == {"other table": "no", "other question": "no"}
    assert kept == {"fit": "yes", "unclear": "undecided", "missing": "undecided", "twin of fit": "yes"}
    reasons = pd.read_parquet(output.file("rows.parquet")).set_index("db_id")["reason"]
    assert reasons["unclear"] == "That depends on what is meant."
    assert reasons["missing"] == "context, question or answer is missing"
    assert (output.counts["kept"], output.counts["refused"], output.counts["undecided"]) == (4, 2, 2)
    assert (tmp_path / "cleaning" / "mine.parquet").read_bytes() == output.file("rows.parquet").read_bytes()


def test_what_got_no_answer_is_kept_as_undecided_and_asked_by_the_next_run(tmp_path: Path) -> None:
    with writing_server(0.01) as server:
        server.turned_away = lambda messages: "weather" in messages[-1]["content"]
        partly = cleaned(server, tmp_path)
        asked = server.asked.copy()
        server.turned_away = lambda messages: False
        whole = cleaned(server, tmp_path)
        assert (server.asked - asked).total() == 1
    assert by_name(partly, "rows.parquet")["other question"] == "undecided"
    assert partly.counts["unanswered"] == 1
    assert by_name(whole, "refused.parquet") == {"other table": "no", "other question": "no"}


def test_a_spent_budget_leaves_the_rest_undecided(tmp_path: Path) -> None:
    with writing_server(0.0) as server:
        output = cleaned(server, tmp_path, max_tokens=1000)
        assert 0 < server.asked.total() < 5
        assert server.tokens <= 1000
    kept = by_name(output, "rows.parquet")
    assert len(kept) + len(by_name(output, "refused.parquet")) == len(PLANTED)
    assert "budget of 1,000 tokens" in str(output.counts["stopped"])
    assert pd.read_parquet(output.file("rows.parquet"))["reason"].str.contains("budget of 1,000 tokens").any()
