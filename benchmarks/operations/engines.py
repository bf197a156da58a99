"""The same tiny night on other engines: the same results, and what each engine adds in time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.operations.servers import Processes, flow_run, many_servers, one_server, start_run
from benchmarks.operations.work import ROOT, environment, run_night, stages, tiny_profile
from benchmarks.parts import Part
from benchmarks.record import Row, show
from tasks.common.errors import InputError
from tasks.config import NightlyConfig

TASKS, FLOWS = 50, 3
NIGHT_S = 900.0
PACKAGES = ("prefect", "prefect-redis", "redis", "asyncpg", "prefect-dask", "distributed", "prefect-ray", "ray")


@dataclass(frozen=True)
class Found:
    """Of one engine: seconds until its services are up, empty flows, and a night."""

    services_s: float
    first_task_s: float
    task_ms: float
    night_s: float | None
    made: Mapping[str, tuple[str, float]]


def run(quick: bool) -> Part:
    """Every engine's night has a store of its own; what each stage made is compared with the embedded default's."""
    engines = {
        "embedded": lambda folder: _alone(folder, quick),
        "postgres_redis": lambda folder: _on_servers(folder, quick),
        "dask": lambda folder: _on_cluster("dask", folder, quick),
        "ray": lambda folder: _on_cluster("ray", folder, quick),
    }
    found: dict[str, Found] = {}
    for name, engine in engines.items():
        with tempfile.TemporaryDirectory(prefix="t2s-") as folder:
            try:
                found[name] = engine(Path(folder))
            except InputError as error:
                print(f"{name} is left out: {error}", flush=True)
    reference = found["embedded"].made
    table: list[Row] = []
    figures: dict[str, float | int | str | None] = {}
    differing: dict[str, list[str]] = {}
    for name, one in found.items():
        same = [stage for stage, (sha256, _) in reference.items() if one.made.get(stage, ("",))[0] == sha256]
        differing[name] = sorted((reference.keys() | one.made.keys()) - set(same))
        line: dict[str, Any] = {
            "services_up_s": round(one.services_s, 1),
            "first_task_s": one.first_task_s,
            "task_ms": one.task_ms,
            "night_s": one.night_s,
            "outputs": len(one.made),
            "same_as_embedded": len(same),
        }
        table.append({"engine": name, **line})
        figures |= {f"{name}_{key}": value for key, value in line.items()}
    show(f"Medians of {1 if quick else FLOWS} flows of {TASKS} empty tasks; one tiny night", table)
    return Part(figures, PACKAGES, {"outputs_that_differ": differing})


def _alone(folder: Path, quick: bool) -> Found:
    return _measured(0.0, environment(folder / "prefect"), folder, quick)


def _on_cluster(kind: str, folder: Path, quick: bool) -> Found:
    """A night whose stages run in a worker of Dask or Ray, started for the flow, beside one server on SQLite."""
    began = time.monotonic()
    with one_server(folder / "server") as server:
        services_s = time.monotonic() - began
        return _measured(services_s, {**server.env, "TEXT2SQL_TASK_RUNNER": kind}, folder, quick)


def _measured(services_s: float, env: Mapping[str, str], folder: Path, quick: bool) -> Found:
    first_s, task_ms = _empty_flows(env, quick)
    if quick:
        return Found(services_s, first_s, task_ms, None, {})
    profile = tiny_profile(folder)
    night = run_night(profile, env)
    return Found(services_s, first_s, task_ms, round(night.seconds, 1), stages(profile))


def _on_servers(folder: Path, quick: bool) -> Found:
    """A night as a deployment that one of two workers runs, and two short flows, of which each worker runs one."""
    began = time.monotonic()
    with many_servers(folder / "servers") as (servers, urls):
        services_s = time.monotonic() - began
        first_s, task_ms = _empty_flows(servers.env, quick)
        if quick:
            return Found(services_s, first_s, task_ms, None, {})
        servers.run(sys.executable, "-m", "deployments.apply")
        profile = tiny_profile(folder)
        config = NightlyConfig.load(profile).model_dump(mode="json", exclude_unset=True)
        began = time.monotonic()
        night = start_run(urls[0], "retrain-and-evaluate/nightly", {"config": config})
        servers.wait_for(lambda: _ended(night, urls[1], servers), NIGHT_S)
        night_s = round(time.monotonic() - began, 1)
        # The rows are there by now: new ones would set off another night.
        share(servers, urls, config)
        return Found(services_s, first_s, task_ms, night_s, stages(profile))


def share(servers: Processes, urls: list[str], config: Mapping[str, Any]) -> None:
    """Two runs of `prepare-data`, one asked for at each API: each worker takes one, as it takes one at a time.

    Raises:
        RuntimeError: they do not, or a run fails.
    """
    both = [start_run(url, "prepare-data/on-demand", {"config": config}) for url in urls]
    for one, url in zip(both, reversed(urls), strict=True):
        servers.wait_for(partial(_ended, one, url, servers), NIGHT_S)
    took = [log.name for log in servers.folder.glob("worker-*.log") if set(both) & _words(log)]
    if len(took) != 2:
        raise RuntimeError(f"two workers were to run something, and {took} did\n{servers.logs()}")


def _ended(run: str, url: str, servers: Processes) -> bool:
    state = flow_run(url, run)["state"]
    if state["type"] in ("FAILED", "CRASHED", "CANCELLED"):
        raise RuntimeError(f"{state}\n{servers.logs()}")
    return bool(state["type"] == "COMPLETED")


def _words(log: Path) -> set[str]:
    return set(log.read_text("utf-8").replace("'", " ").split())


def _empty_flows(env: Mapping[str, str], quick: bool) -> tuple[float, float]:
    """Medians: seconds from the start of a flow's process to the end of its first task, milliseconds of the others."""
    command = [sys.executable, "-m", "benchmarks.operations.empty", str(TASKS)]
    told = []
    for _ in range(1 if quick else FLOWS):
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{done.stdout}{done.stderr}")
        told.append(json.loads(done.stdout.splitlines()[-1]))
        print(told[-1], flush=True)
    return (
        round(statistics.median(one["first_task_s"] for one in told), 1),
        round(statistics.median(one["task_ms"] for one in told), 1),
    )
