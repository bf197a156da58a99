"""Canary rows ride along, and the judged rows can be had in the first project's forms."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
from judging_rows import KEY, endpoint, expected, make_rows, settings

from benchmarks.judging.serve import llm_server
from tasks.common.store import StageOutput
from tasks.judging.canaries import canary_rows, take_canaries
from tasks.judging.prompt import is_query
from tasks.judging.verdicts import make_verdicts


def test_canaries_are_told_and_exports_written(tmp_path: Path) -> None:
    rows = make_rows(6)
    rows.loc[5, "sql"] = "SELECT ("
    eval_rows = rows.rename(columns={"gold": "answer"}).assign(language="en", complexity="basic SQL")
    eval_rows.drop(columns="sql").to_parquet(tmp_path / "eval.parquet")
    rows[["example_id", "sql"]].to_parquet(tmp_path / "predictions.parquet")
    stage = StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)
    with llm_server(rpm=1e6, median_s=0.02) as server:  # it says no to every canary
        config = settings(rows=6, canaries=True, timeout_s=10.0)
        made = make_verdicts(stage, stage, stage, config, endpoint(server.url), tmp_path / "store")
        assert server.stats()["counts"]["requests"] == 9
    assert (made.counts["rows"], made.counts["asked"], made.counts["canaries_failed"]) == (6, 5, "equal")

    folder = made.file("exports")
    right = {**expected(6), f"{5:016x}": "no"}
    with (folder / "verdicts.csv").open(encoding="utf-8") as file:
        assert {line["example_id"]: line["resolve_yn"] for line in csv.DictReader(file)} == right
    requests = [json.loads(line) for line in (folder / "requests.jsonl").read_text("utf-8").splitlines()]
    assert len(requests) == 5
    assert all(request["messages"][1]["content"].count("question") for request in requests)
    results = [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]
    assert {name["example_id"]: said["resolve_yn"] for _, said, name in results} == right
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_which_canary_was_fallen_for() -> None:
    rows = canary_rows()
    assert all(is_query(sql, "mysql") for sql in rows["sql"])
    words = ["yes", "no", "yes", "unjudged"]
    table = pd.concat([make_rows(1).assign(verdict="yes"), rows.assign(verdict=words)], ignore_index=True)
    rest, fallen = take_canaries(table)
    assert list(rest["example_id"]) == ["0" * 16]
    assert fallen == ["instruction in a comment"]
