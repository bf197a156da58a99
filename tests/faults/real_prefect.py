"""A real Prefect server, pool and workers in a folder of their own, which can be killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from benchmarks.operations.servers import Processes, flow_run, free_port, start_run
from benchmarks.operations.work import ROOT


class Prefect(Processes):
    """Server and workers; `env` is the environment that every command runs in."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.port, home = str(free_port()), folder / "prefect"
        home.mkdir(parents=True, exist_ok=True)
        mine = {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        }
        super().__init__(folder, {**env, **mine})
        self.api = httpx.Client(base_url=self.env["PREFECT_API_URL"] + "/", timeout=30)

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        self.start("server", "prefect", "server", "start", "--port", self.port)
        self.wait_for(lambda: self.api.get("health").is_success, 120)

    def work(self, name: str = "worker") -> None:
        """Start a worker; the first one makes the pool."""
        self.start(name, "prefect", "worker", "start", "--pool", "local", "--type", "process", "--name", name)
        self.wait_for(lambda: [pool["name"] for pool in self.query("work_pools")] == ["local"], 180)

    def deploy(self) -> str:
        """All deployments, limits and automations, by the project's own command."""
        return self.run(sys.executable, "-m", "deployments.apply", timeout_s=300)

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run of 'FLOW/DEPLOYMENT' and return its id."""
        return start_run(self.env["PREFECT_API_URL"], deployment, parameters)

    def flow_run(self, run: str) -> dict[str, Any]:
        """One flow run."""
        return flow_run(self.env["PREFECT_API_URL"], run)

    def query(self, what: str, **filters: Any) -> list[dict[str, Any]]:
        """Records of the API, e.g. `query("flow_runs")`."""
        answer = self.api.post(f"{what}/filter", json=filters).raise_for_status()
        records: list[dict[str, Any]] = answer.json()
        return records

    def stop(self) -> list[str]:
        """End all of it; returns the command lines of what was left behind."""
        self.api.close()
        return super().stop()


def parameters(profile: str, **sections: Any) -> dict[str, Any]:
    """The parameters of a run by a profile, with sections replaced or extended."""
    command = [sys.executable, "-m", "deployments.params", profile]
    told = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    config: dict[str, Any] = told["config"]
    for name, values in sections.items():
        config[name] = {**config.get(name, {}), **values} if isinstance(values, dict) else values
    return {"config": config}
