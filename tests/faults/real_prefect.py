"""A real Prefect server, pool and workers in a folder of their own, which can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[2]


class Prefect:
    """Server and workers; `env` is the environment that every command runs in."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.port, self.folder = str(port), folder
        (folder / "prefect").mkdir(parents=True, exist_ok=True)
        self.env = env | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        }
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.api = httpx.Client(base_url=self.env["PREFECT_API_URL"] + "/", timeout=30)

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", "server", "start", "--port", self.port)
        self.wait_for(lambda: self.api.get("health").is_success, 120)

    def work(self, name: str = "worker") -> None:
        """Start a worker; the first one makes the pool."""
        self.start(name, "worker", "start", "--pool", "local", "--type", "process", "--name", name)
        self.wait_for(lambda: [pool["name"] for pool in self.query("work_pools")] == ["local"], 180)

    def start(self, name: str, *command: str) -> None:
        """Start `prefect COMMAND` in the background."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                ["prefect", *command],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL what was started as `name`, and nothing else."""
        self.started[name].kill()
        self.started.pop(name).wait()

    def deploy(self) -> str:
        """All deployments, limits and automations, by the project's own command."""
        return self.command([sys.executable, "-m", "deployments.apply"], 300)

    def run(self, *command: str, timeout_s: float = 120) -> str:
        """Run `prefect COMMAND` to its end and return what it printed."""
        return self.command(["prefect", *command], timeout_s)

    def command(self, command: list[str], timeout_s: float) -> str:
        """Run a command to its end and return what it printed."""
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{command} did not end in {timeout_s} s: {self.logs()}") from None
        assert done.returncode == 0, f"{command}: {done.stdout}\n{self.logs()}"
        return done.stdout

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run of 'FLOW/DEPLOYMENT' and return its id."""
        found = self.api.get(f"deployments/name/{deployment}").raise_for_status().json()
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        answer = self.api.post(f"deployments/{found['id']}/create_flow_run", json=body).raise_for_status()
        return str(answer.json()["id"])

    def flow_run(self, run: str) -> dict[str, Any]:
        """One flow run."""
        record: dict[str, Any] = self.api.get(f"flow_runs/{run}").raise_for_status().json()
        return record

    def query(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Records of the API, e.g. `query("flow_runs")`."""
        answer = self.api.post(f"{what}/filter", json=filters).raise_for_status()
        records: list[dict[str, Any]] = answer.json()
        return records

    def wait_for(self, condition: Callable[[], Any], timeout_s: float) -> None:
        """Until `condition()` holds; the logs are told if it does not in time."""
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            with suppress(httpx.TransportError):
                if condition():
                    return
            time.sleep(0.5)
        raise AssertionError(f"not in {timeout_s} s: {self.logs()}")

    def logs(self) -> str:
        """The ends of the servers' and the workers' logs."""
        return "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in self.folder.glob("*.log"))

    def processes(self) -> Iterator[psutil.Process]:
        """Every process that runs in this environment, whoever its parent is now."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("PREFECT_HOME") == self.env["PREFECT_HOME"]:
                    yield process

    def stop(self) -> list[str]:
        """End server and workers; returns the command lines of what was running besides, and ends that, too."""
        family = [psutil.Process(process.pid) for process in self.started.values() if process.poll() is None]
        own = {one.pid for process in family for one in (process, *process.children(recursive=True))}
        left = [" ".join(process.cmdline()) for process in self.processes() if process.pid not in own]
        for sign, wait_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            living = list(self.processes())
            for process in living:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(sign)
            psutil.wait_procs(living, timeout=wait_s)
        for started in self.started.values():
            started.wait()
        self.api.close()
        return left


def parameters(profile: str, **sections: Any) -> dict[str, Any]:
    """The parameters of a run by a profile, with sections replaced or extended."""
    command = [sys.executable, "-m", "deployments.params", profile]
    told = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    config: dict[str, Any] = told["config"]
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values} if isinstance(values, dict) else values
    return {"config": config}
