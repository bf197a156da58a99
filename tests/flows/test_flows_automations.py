"""What the server does by itself: a real one, a worker that is killed, and nobody who looks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from real_prefect import ROOT, Prefect, parameters

from deployments.automations import SETTINGS, Watch, automations
from tasks.common.errors import InputError
from tasks.common.store import StageOutput

LONG = pytest.mark.skipif(os.environ.get("T2S_FAULTS") != "1", reason="takes minutes: T2S_FAULTS=1 runs it")
SHORTER = """
import json, sys
from prefect.client.orchestration import get_client
from deployments.automations import SETTINGS, Watch, apply_automations
with get_client(sync_client=True) as client:
    apply_automations(client, Watch.load(SETTINGS).model_copy(update=json.loads(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A server with all that `make deploy` makes, and one worker."""
    server = Prefect(dict(os.environ), tmp_path_factory.mktemp("prefect"))
    try:
        server.serve()
        server.work()
        server.deploy()
        yield server
    finally:
        server.stop()


def shorten(prefect: Prefect, **seconds: float) -> None:
    """The automations with less patience than shipped."""
    prefect.run(sys.executable, "-c", SHORTER, json.dumps(seconds))


def emit(prefect: Prefect, name: str, **payload: str) -> None:
    event = {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": "text2sql.test"},
        "payload": payload,
    }
    prefect.api.post("events", json=[event]).raise_for_status()


def triggered(prefect: Prefect) -> set[str]:
    """Names of the automations that have found what they wait for."""
    names = {f"prefect.automation.{one['id']}": one["name"] for one in prefect.query("automations")}
    return {names.get(about, "one that is gone") for about in events(prefect, "prefect.automation.triggered")}


def events(prefect: Prefect, name: str) -> set[str]:
    """What the events of a name are about."""
    asked = {"filter": {"event": {"name": [name]}}, "limit": 50}
    found = prefect.api.post("events/filter", json=asked).raise_for_status().json()["events"]
    return {event["resource"]["prefect.resource.id"] for event in found}


def runs(prefect: Prefect, deployment: str) -> list[dict[str, Any]]:
    found = prefect.api.get(f"deployments/name/{deployment}").raise_for_status().json()
    asked = {"deployment_id": {"any_": [found["id"]]}}
    return [run for run in prefect.query("flow_runs", flow_runs=asked) if not run["auto_scheduled"]]


def is_of(process: psutil.Process, run: str) -> bool:
    """Whether a process belongs to a flow run."""
    with suppress(psutil.Error):
        return bool(process.environ().get("PREFECT__FLOW_RUN_ID") == run)
    return False


@LONG
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_train_one_after_the_other(prefect: Prefect, two_layers: StageOutput, tmp_path: Path) -> None:
    """Two trainings that are due at the same moment, each in a store of its own, on two workers."""
    prefect.work("second worker")
    model = {"base": two_layers.path, "dtype": "float32"}
    started = [
        prefect.start_run(
            "finetune-model/on-demand",
            **parameters("tiny", store=str(tmp_path / name), model=model, training={"max_steps": 30, "seed": seed}),
        )
        for seed, name in enumerate(("one", "other"))
    ]
    over = ("COMPLETED", "FAILED", "CRASHED")
    prefect.wait_for(lambda: all(prefect.flow_run(run)["state_type"] in over for run in started), 700)
    assert [prefect.flow_run(run)["state_type"] for run in started] == ["COMPLETED"] * 2, prefect.logs()
    prefect.kill("second worker")
    times = []
    for run in started:
        lines = prefect.query("logs", logs={"flow_run_id": {"any_": [run]}}, limit=200)
        told = ("waiting for the turn", "training may start", "adapter made")
        times.append([next(line["timestamp"] for line in lines if line["message"].startswith(text)) for text in told])
    first, second = sorted(times, key=lambda told: told[1])
    assert second[0] < first[2] <= second[1], f"{times}: one waits until the other has ended"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_lost_runs_go_on_and_what_nobody_starts_is_told(prefect: Prefect, tmp_path: Path) -> None:
    shorten(prefect, heartbeat_lost_s=60)
    told = parameters("tiny", store=str(tmp_path / "store"))
    run = prefect.start_run("prepare-data/on-demand", **told)
    prefect.wait_for(lambda: prefect.flow_run(run)["state_type"] == "RUNNING", 180)
    prefect.kill("worker")
    for process in [process for process in prefect.living() if is_of(process, run)]:
        process.kill()
    prefect.kill("server")  # which forgets what it has seen
    prefect.serve()
    assert prefect.flow_run(run)["state_type"] == "RUNNING", "nobody is left who could tell that it has ended"

    emit(prefect, "text2sql.data.new-version")
    emit(prefect, "text2sql.model.promoted", version="v7", store="a store", by="a test")
    nightly, publish = "retrain-and-evaluate/nightly", "publish-model/on-demand"
    prefect.wait_for(lambda: runs(prefect, nightly) and runs(prefect, publish), 120)
    (upload,) = runs(prefect, publish)
    assert (upload["parameters"]["version"], upload["parameters"]["store"]) == ("v7", "a store")
    prefect.wait_for(lambda: "text2sql: a night does not start" in triggered(prefect), 180)
    for automation in prefect.query("automations"):  # the rows that are about to be prepared start no night here
        if automation["name"] == "text2sql: new rows are trained on":
            prefect.api.delete(f"automations/{automation['id']}").raise_for_status()
    for waiting in (upload, *runs(prefect, nightly)):
        prefect.api.delete(f"flow_runs/{waiting['id']}").raise_for_status()

    prefect.wait_for(lambda: prefect.flow_run(run)["state_name"] in ("AwaitingRetry", "Late"), 300)
    found = {"text2sql: a lost run has crashed", "text2sql: a crashed run is started again"}
    prefect.wait_for(lambda: found <= triggered(prefect), 180)  # events are filed some seconds later
    prefect.work()
    prefect.wait_for(lambda: prefect.flow_run(run)["state_type"] == "COMPLETED", 300)
    assert prefect.flow_run(run)["run_count"] == 2
    assert f"prefect.flow-run.{run}" in events(prefect, "prefect.flow-run.heartbeat")


@LONG
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_long_night_is_cancelled_and_leaves_nothing_running(
    prefect: Prefect, two_layers: StageOutput, tmp_path: Path
) -> None:
    shorten(prefect, longest_night_s=45)  # by then it trains, where a machine is not very slow
    told = parameters(
        "tiny",
        store=str(tmp_path / "store"),
        model={"base": two_layers.path, "dtype": "float32"},
        training={"max_steps": 5_000, "epochs": 5_000},
    )
    run = prefect.start_run("retrain-and-evaluate/nightly", **told)
    prefect.wait_for(lambda: prefect.flow_run(run)["state_type"] == "CANCELLED", 240)
    prefect.wait_for(lambda: not any(is_of(process, run) for process in prefect.living()), 60)
    assert "text2sql: a long night is cancelled" in triggered(prefect)


def test_every_automation_has_a_name_of_its_own() -> None:
    names = [one.name for one in automations(Watch.load(SETTINGS))]
    assert len(set(names)) == len(names) and all(name.startswith("text2sql: ") for name in names)


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "automations.yaml").write_text("longest_nigt_s: 5\n")
    with pytest.raises(InputError, match="unknown key 'longest_nigt_s'; did you mean 'longest_night_s'"):
        Watch.load(tmp_path / "automations.yaml")


def test_a_notification_goes_to_the_block_that_is_named() -> None:
    block = uuid.uuid4()
    watched = automations(Watch.load(SETTINGS), block)
    told = [action for one in watched for action in one.actions if "notification" in action.type]
    assert len(told) == 6
    assert {action.block_document_id for action in told} == {block}


def test_without_a_server_it_says_so(guarded_env: dict[str, str], tmp_path: Path) -> None:
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect")}
    command = [sys.executable, "-m", "deployments.apply"]
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert (out.returncode, out.stdout) == (2, "")
    assert out.stderr.count("\n") == 1 and "PREFECT_API_URL is not set" in out.stderr
