from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ArtifactCollection
from prefect.testing.utilities import prefect_test_harness

from tasks.reporting.config import ReportConfig
from tasks.reporting.night import NightRefs
from tasks.reporting.task import leaderboard, report, show_rows
from tasks.scoring.config import GateConfig
from tasks.scoring.gate import Decision
from tasks.scoring.refs import Entry
from tasks.scoring.task import decide


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.usefixtures("server")
def test_a_flow_decides_and_reports_through_a_real_server(night_refs: NightRefs, store: Path) -> None:
    @flow
    def night() -> tuple[str, Decision]:
        assert night_refs.challenger is not None
        decided = decide(night_refs.champion, night_refs.challenger, 1, GateConfig(), 0.6, str(store))
        again = decide(night_refs.champion, night_refs.challenger, 1, GateConfig(), 0.6, str(store))
        assert again.reused
        assert again.sha256 == decided.sha256
        decision = Decision.model_validate_json(decided.file("decision.json").read_text("utf-8"))
        refs = night_refs.model_copy(update={"decision": decided, "run_name": "brave otter/2"})
        show_rows(refs.data)
        return report(refs, ReportConfig(examples=3), str(store)), decision

    path, decision = night()
    assert decision.decision == "promote"
    assert decision.judge_trusted
    assert decision.judge_note.startswith("Judge trusted: kappa")
    assert Path(path).name == "2026-11-21T03-00-00-brave-otter-2.html"
    assert Path(path).read_text("utf-8") == (store / "reports" / "latest.html").read_text("utf-8")
    assert decision.judge_note in Path(path).read_text("utf-8")
    assert len((store / "history.jsonl").read_text("utf-8").splitlines()) == 1
    artifacts = _artifacts()
    assert {"data-composition", "night-report", "accuracy", "examples", "stages"} <= set(artifacts)
    assert str(artifacts["night-report"].data).startswith("# Promoted: v7")
    assert len(str(artifacts["night-report"].data)) < 140_000
    assert any("레벨이" in example["question"] for example in json.loads(str(artifacts["examples"].data)))


@pytest.mark.usefixtures("server")
def test_a_flow_ranks_systems_through_a_real_server(
    entries: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @flow
    def compare() -> list[Path]:
        failed = {"too big": "out of memory"}
        orders = (entries, entries[::-1], entries[:3])
        return [leaderboard(some, failed, 0.9, str(tmp_path)) for some in orders]

    page, again, fewer = compare()
    assert page == again != fewer
    assert page.name == "leaderboard.html"
    assert page.parent.parent == tmp_path.resolve() / "reports"
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "accuracy.png", "cost.png", "gains.png", "leaderboard.html", "leaderboard.json",
    ]  # fmt: skip
    artifact = _artifacts()["leaderboard"]
    told = str(artifact.data)
    assert told.startswith("# “어댑터 v7” is ahead with 52.5%, but its lead over “base, 3 examples” may be chance.")
    assert told.count("](data:image/png;base64,") == 3
    assert "too big failed: out of memory" in told
    assert str(fewer) in told
    assert "“어댑터 v7” is ahead" in str(artifact.description)
    assert "leaderboard: " in capsys.readouterr().out


def _artifacts() -> dict[str, ArtifactCollection]:
    with get_client(sync_client=True) as client:
        return {str(one.key): one for one in client.read_latest_artifacts()}
