"""From a checkout to a finished run: lock file, profiles, and the real server, worker and deployments."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

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


def test_every_schedule_has_a_name_and_says_whether_it_is_on() -> None:
    assert SCHEDULED.keys() == {"nightly", "nightly-evaluate"}
    assert all(s["slug"] and s["active"] is True and s["timezone"] == "Asia/Seoul" for s in SCHEDULED.values())


class Prefect:
    """A real server, pool and worker in a folder of their own."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.port, self.folder = str(port), folder
        self.env = env | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        }
        self.started: list[subprocess.Popen[bytes]] = []
        self.api = httpx.Client(base_url=self.env["PREFECT_API_URL"] + "/", timeout=30)

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", "start", "--port", self.port)
        self.wait_for(lambda: self.api.get("health").is_success, 120)

    def start(self, *command: str) -> None:
        """Start `prefect COMMAND` in the background."""
        with (self.folder / f"{command[0]}.log").open("wb") as log:
            self.started.append(
                subprocess.Popen(["prefect", *command], cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT)
            )

    def run(self, *command: str, timeout_s: float = 120) -> str:
        """Run `prefect COMMAND` to its end and return what it printed."""
        try:
            done = subprocess.run(
                ["prefect", *command],
                cwd=ROOT,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            pytest.fail(f"{command} did not end in {timeout_s} s: {self.logs()}")
        assert done.returncode == 0, f"{command}: {done.stdout}\n{self.logs()}"
        return done.stdout

    def query(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Records of the API, e.g. `query("flow_runs")`."""
        answer = self.api.post(f"{what}/filter", json=filters).raise_for_status()
        records: list[dict[str, Any]] = answer.json()
        return records

    def wait_for(self, condition: Any, timeout_s: float) -> None:
        """Until `condition()` holds; the logs are told if it does not in time."""
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            with suppress(httpx.TransportError):
                if condition():
                    return
            time.sleep(0.5)
        pytest.fail(f"not in {timeout_s} s: {self.logs()}")

    def logs(self) -> str:
        """The ends of the server's and the worker's logs."""
        return "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in self.folder.glob("*.log"))

    def stop(self) -> None:
        """End everything that was started, and everything that it started."""
        family: list[psutil.Process] = []
        for process in self.started:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(process.pid)
                family += [*parent.children(recursive=True), parent]
        for sign, wait_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.send_signal(sign)
            _, family = psutil.wait_procs(family, timeout=wait_s)
        for process in self.started:
            process.wait()
        self.api.close()


@pytest.fixture
def prefect(guarded_env: dict[str, str], tmp_path: Path) -> Iterator[Prefect]:
    (tmp_path / "prefect").mkdir()
    server = Prefect(guarded_env, tmp_path)
    try:
        server.serve()
        yield server
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_night_started_by_hand_and_the_nights_to_come(prefect: Prefect, tmp_path: Path) -> None:
    prefect.start("worker", "start", "--pool", "local", "--type", "process")
    prefect.wait_for(lambda: [pool["name"] for pool in prefect.query("work_pools")] == ["local"], 60)
    prefect.run("--no-prompt", "deploy", "--all")
    deployments = {d["id"]: d for d in prefect.query("deployments")}
    assert sorted(d["entrypoint"] for d in deployments.values()) == sorted(d["entrypoint"] for d in DEPLOYMENTS)
    for deployment in deployments.values():
        (step,) = deployment["pull_steps"]
        assert step == {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}

    config = json.loads(params("tiny").stdout)
    config["config"]["store"] = str(tmp_path / "store")
    config["config"]["judging"] = {"rows": 0}  # the night without a server has one judged, for minutes
    parameters = json.dumps(config)
    prefect.run("deployment", "run", "retrain-and-evaluate/nightly", "--params", parameters, "--watch", timeout_s=800)
    (night,) = [r for r in prefect.query("flow_runs") if not r["auto_scheduled"] and r["parent_task_run_id"] is None]
    assert night["state_type"] == "COMPLETED", prefect.logs()
    assert {artifact["type"] for artifact in prefect.query("artifacts")} >= {"markdown", "table"}

    def coming() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for run in prefect.query("flow_runs", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}):
            if run["auto_scheduled"]:
                starts = datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("Asia/Seoul"))
                found.setdefault(deployments[run["deployment_id"]]["name"], set()).add(f"{starts:%-M %-H * * *}")
        return found

    expected = {name: {schedule["cron"]} for name, schedule in SCHEDULED.items()}
    prefect.wait_for(lambda: coming() == expected, 60)
    outside = Path(prefect.env["T2S_OUTSIDE_LOG"])
    assert not outside.exists(), outside.read_text()
