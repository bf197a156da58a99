"""From a checkout to a finished run: lock file, profiles, and the real server, worker and deployments."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from real_prefect import Prefect, parameters

from tasks.common.store import StageOutput
from tasks.config import PROFILES, NightlyConfig, load_profile

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
SCHEDULED = {d["name"]: d["schedules"][0] for d in DEPLOYMENTS if d.get("schedules")}


def locked() -> dict[str, Version]:
    lines = [line for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if line[:1] not in {"", "#"}]
    return {name.lower().replace("_", "-"): Version(version) for name, version in (line.split("==") for line in lines)}


def declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"]["dev"]]
    return {requirement.name.lower(): requirement for requirement in requirements}


def params(profile: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.params", profile]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_lock_holds_every_dependency_inside_its_range() -> None:
    lock = locked()
    assert {n: str(lock.get(n)) for n, r in declared().items() if n not in lock or lock[n] not in r.specifier} == {}


def test_what_is_installed_is_what_is_locked() -> None:
    found = {name: Version(installed_version(name)).public for name in locked()}
    assert found == {name: version.public for name, version in locked().items()}


@pytest.mark.parametrize(
    ("name", "good", "bad"), [("fastapi", "0.150.0", "0.165.0"), ("sqlalchemy", "2.0.58", "2.1.0")]
)
def test_versions_that_break_prefects_server_are_shut_out(name: str, good: str, bad: str) -> None:
    allowed = declared()[name].specifier
    assert good in allowed
    assert bad not in allowed


def test_deployments_run_the_laptop_profile() -> None:
    """What `make nightly` runs and what is scheduled are one thing, so that each reuses what the other made."""
    other = ("promote", "synthesize")
    configured = [d["parameters"]["config"] for d in DEPLOYMENTS if not any(o in d["entrypoint"] for o in other)]
    assert len(configured) == 8
    assert all(NightlyConfig.read(config, "prefect.yaml") == load_profile("laptop") for config in configured)


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_a_profile_is_read_and_becomes_parameters(profile: str) -> None:
    out = subprocess.run(
        [sys.executable, "-m", "deployments.params", profile], cwd=ROOT, capture_output=True, text=True
    )
    assert (out.returncode, out.stdout.count("\n")) == (0, 1)
    assert NightlyConfig.model_validate(json.loads(out.stdout)["config"]) == load_profile(profile)


def test_a_profile_that_is_not_there_is_one_line_and_status_2() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "deployments.params", "labtop"], cwd=ROOT, capture_output=True, text=True
    )
    assert (out.returncode, out.stdout, out.stderr.count("\n")) == (2, "", 1)
    assert "profile 'labtop'" in out.stderr
    assert "laptop" in out.stderr


def test_every_schedule_has_a_name_and_leaves_open_whether_it_is_on() -> None:
    """With a slug and without `active`, a schedule that was paused in the UI stays paused."""
    assert SCHEDULED.keys() == {"nightly", "nightly-evaluate"}
    assert all(s["slug"] and s["timezone"] == "Asia/Seoul" and "active" not in s for s in SCHEDULED.values())


@pytest.fixture
def prefect(guarded_env: dict[str, str], tmp_path: Path) -> Iterator[Prefect]:
    server = Prefect(guarded_env, tmp_path)
    try:
        server.serve()
        yield server
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_night_started_by_hand_and_the_nights_to_come(
    prefect: Prefect, two_layers: StageOutput, tmp_path: Path
) -> None:
    prefect.work()
    prefect.deploy()
    deployments = {d["id"]: d for d in prefect.query("deployments")}
    assert sorted(d["entrypoint"] for d in deployments.values()) == sorted(d["entrypoint"] for d in DEPLOYMENTS)
    for deployment in deployments.values():
        (step,) = deployment["pull_steps"]
        assert step == {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}

    def coming() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for run in prefect.query("flow_runs", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}):
            if run["auto_scheduled"]:
                starts = datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("Asia/Seoul"))
                found.setdefault(deployments[run["deployment_id"]]["name"], set()).add(f"{starts:%-M %-H * * *}")
        return found

    expected = {name: {schedule["cron"]} for name, schedule in SCHEDULED.items()}
    prefect.wait_for(lambda: coming() == expected, 60)

    nightly = next(d for d in deployments.values() if d["name"] == "nightly")
    (schedule,) = nightly["schedules"]
    path = f"deployments/{nightly['id']}/schedules/{schedule['id']}"
    prefect.api.patch(path, json={"active": False}).raise_for_status()
    made = {one["id"] for one in prefect.query("automations")}
    said = prefect.deploy()
    (paused,) = prefect.api.get(f"deployments/{nightly['id']}").json()["schedules"]
    assert (paused["id"], paused["active"]) == (schedule["id"], False)
    kept = [one["name"] for one in prefect.query("automations") if one["id"] in made]  # triggers are made anew
    assert len(kept) == said.count("automation: text2sql: ") == 8
    prefect.wait_for(lambda: coming().keys() == {"nightly-evaluate"}, 60)

    # The night without a server is one of the whole model, with answers judged, for minutes.
    model = {"base": two_layers.path, "dtype": "float32"}
    told = parameters("tiny", store=str(tmp_path / "store"), model=model, judging={"rows": 0})
    run = prefect.start_run("retrain-and-evaluate/nightly", **told)
    prefect.wait_for(lambda: prefect.flow_run(run)["state_type"] not in ("SCHEDULED", "PENDING", "RUNNING"), 800)
    assert prefect.flow_run(run)["state_type"] == "COMPLETED", prefect.logs()
    assert {artifact["type"] for artifact in prefect.query("artifacts")} >= {"markdown", "table"}
    outside = Path(prefect.env["T2S_OUTSIDE_LOG"])
    assert not outside.exists(), outside.read_text()
