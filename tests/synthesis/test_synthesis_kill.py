"""Both flows, run as a user runs them, killed with SIGKILL twice each: nothing that was answered is asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from benchmarks.synthesis import output, run_flow
from benchmarks.writing_server import writing_server


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.usefixtures("_server")
def test_killed_twice_and_started_again_both_flows_ask_nothing_twice(tmp_path: Path, domains: str) -> None:
    with writing_server(0.1, fault_share=0.05) as server:
        config = {"rows": 40, "domains": domains, "sql": {"databases": 3}}
        killed = run_flow("synthesize", config, [3, 6], server, tmp_path)
        assert (killed.kills, killed.asked_again) == (2, 0)
        assert killed.paid_twice <= 2 * 3  # those in flight: at most one a domain and language
        folder = output(tmp_path, "synthesis")
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        assert summary["accepted"] == len(pd.read_parquet(folder / "rows.parquet")) >= 40
        assert summary["from_journal"] >= 6 and summary["unanswered"] == 0
        filed = len((tmp_path / "synthesis" / "journal.jsonl").read_bytes().splitlines())

        source = {"kind": "rows", "path": str(tmp_path / "synthesis" / "fields.parquet")}
        killed = run_flow("clean", {"source": source}, [filed + 10, filed + 25], server, tmp_path)
        assert (killed.kills, killed.asked_again) == (2, 0)
        assert killed.paid_twice <= 2 * 16  # requests in flight at once
        cleaned = json.loads((output(tmp_path, "cleaning") / "summary.json").read_text("utf-8"))
        assert cleaned["rows"] == summary["accepted"]
        assert cleaned["from_journal"] >= 25

    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert server.keys == {"sk-none-of-yours-4711"}
    assert all(b"sk-none-of-yours-4711" not in path.read_bytes() for path in written)
    with get_client(sync_client=True) as client:
        artifacts = {artifact.key: artifact for artifact in client.read_latest_artifacts()}
    assert {"synthesis", "synthesis-refused", "cleaning"} <= artifacts.keys()
    assert f"{summary['accepted']} rows on" in str(artifacts["synthesis"].description)
