from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ArtifactCollection, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.testing.utilities import prefect_test_harness

from tasks.common.errors import InputError
from tasks.reporting.config import ReportConfig
from tasks.reporting.night import NightRefs
from tasks.reporting.task import leaderboard, report, show_rows, tell_failure
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
    (told,) = (json.loads(line) for line in (store / "history.jsonl").read_text("utf-8").splitlines())
    artifacts = _artifacts()
    assert {"data-composition", "history", "night-report", "accuracy", "examples", "stages"} <= set(artifacts)
    assert (told["id"], told["flow"]) == (str(artifacts["night-report"].flow_run_id), "night")
    assert told["report"] == Path(path).name
    assert f"/runs/flow-run/{told['id']})" in str(artifacts["history"].data)
    assert "1 night, 1 promotion" in str(artifacts["history"].description)
    assert str(artifacts["night-report"].data).startswith("# Promoted: v7")
    assert len(str(artifacts["night-report"].data)) < 140_000
    assert any("레벨이" in example["question"] for example in json.loads(str(artifacts["examples"].data)))


@pytest.mark.usefixtures("server")
def test_a_flow_that_fails_says_what_to_do_and_is_in_the_history(night_refs: NightRefs, tmp_path: Path) -> None:
    @flow(name="retrain-and-evaluate", flow_run_name="night-7", on_failure=[tell_failure])
    def night(config: dict[str, Any], after_its_report: bool = False) -> None:
        if after_its_report:
            report(night_refs, ReportConfig(), config["store"])
        raise InputError("data.sources: no `rows.jsonl`\n| here")

    config = {"store": str(tmp_path), "report": {"url": "https://reports.example"}}
    for parameters in ({}, {"after_its_report": True}):
        with pytest.raises(InputError):
            night(config, **parameters)
        artifacts = _artifacts()
        failure, shown = artifacts["failure"], artifacts["history"]
        assert failure.flow_run_id == shown.flow_run_id is not None
        assert str(failure.data).startswith("# night-7 failed\n\ndata.sources: no \\`rows.jsonl\\` \\| here\n")
        assert "Custom run" in str(failure.data)
        assert failure.description == "night-7 failed: data.sources: no `rows.jsonl` | here"
    first, second = (json.loads(line) for line in (tmp_path / "history.jsonl").read_text("utf-8").splitlines())
    assert first["error"] == second["error"] == "data.sources: no `rows.jsonl` | here"
    assert (first["decision"], second["decision"]) == ("failed", "failed")
    assert "accuracy" not in first and second["accuracy"], "what the second had told before it failed stays"
    assert second["report"] and f"(https://reports.example/{second['report']})" in str(shown.data)


@pytest.mark.usefixtures("server")
def test_the_hook_reads_a_crash_from_the_workers_process(tmp_path: Path) -> None:
    @flow(name="retrain-and-evaluate")
    def night(config: dict[str, str]) -> None: ...

    night({"store": str(tmp_path)})
    with get_client(sync_client=True) as client:
        run = client.read_flow_runs(limit=1, sort=FlowRunSort.START_TIME_DESC)[0]
    state: State[None] = State(type=StateType.CRASHED, message="Flow run process exited with non-zero status code -9.")
    tell_failure(flow=night, flow_run=run, state=state)
    (line,) = (json.loads(line) for line in (tmp_path / "history.jsonl").read_text("utf-8").splitlines())
    assert (line["id"], line["decision"]) == (str(run.id), "crashed")
    assert "memory" in str(_artifacts()["failure"].data)


@pytest.mark.usefixtures("server")
def test_a_night_that_mlflow_does_not_take_is_no_failure(
    night_refs: NightRefs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> str:
        raise ConnectionError("nobody there")

    @flow
    def night() -> None:
        report(night_refs, ReportConfig(mlflow="http://127.0.0.1:9"), str(tmp_path))

    for answer, told in ((refuse, "the night is not in MLflow"), (lambda *_: "run-5", "run run-5 of text2sql-nightly")):
        monkeypatch.setattr("tasks.reporting.task.log_to_mlflow", answer)
        night()
        assert told in caplog.text
    assert (tmp_path / "reports" / "latest.html").is_file()


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
