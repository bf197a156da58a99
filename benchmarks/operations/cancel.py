"""A night cancelled while it trains, on each task runner: how long until nothing of it runs, and what is left."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.operations.servers import one_server
from benchmarks.operations.work import environment, started_night, tiny_profile
from benchmarks.parts import Part
from benchmarks.record import Row, show

TRAINING, TRAINS_S, ENDS_S = "tasks.training.train", 300.0, 60.0


def run(quick: bool) -> Part:
    """SIGTERM to the flow's process, as a worker or `kill` sends it, when the training process is there."""
    table: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        table.append(_cancelled("threads", Path(folder), environment(Path(folder, "prefect"))))
    for kind in ("dask", "ray"):
        if quick:
            print(f"{kind} is left out: quick", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder, one_server(Path(folder, "server")) as server:
            table.append(_cancelled(kind, Path(folder), {**server.env, "TEXT2SQL_TASK_RUNNER": kind}))
    show("Nights cancelled while they train", table)
    figures = {f"{row['runner']}_{key}": value for row in table for key, value in row.items() if key != "runner"}
    return Part(figures, ("prefect", "prefect-dask", "distributed", "prefect-ray", "ray"))


def _cancelled(kind: str, folder: Path, env: Mapping[str, str]) -> Row:
    with started_night(tiny_profile(folder), env) as night:
        family = _when_it_trains(psutil.Process(night.pid), folder)
        night.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, left = psutil.wait_procs(family, timeout=ENDS_S)
        seconds = round(time.monotonic() - began, 1)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                print(f"{kind}: left running: {' '.join(process.cmdline())[:200]}", flush=True)
                process.kill()
        return {"runner": kind, "processes": len(family), "all_ended_s": seconds, "left": len(left)}


def _when_it_trains(night: psutil.Process, folder: Path) -> list[psutil.Process]:
    """The night's process and all below it, as soon as the training process is among them."""
    ends = time.monotonic() + TRAINS_S
    while time.monotonic() < ends and night.is_running():
        family = [night, *night.children(recursive=True)]
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if any(TRAINING in word for one in family for word in one.cmdline()):
                return family
        time.sleep(0.05)
    raise RuntimeError(f"it does not train: {(folder / 'night.log').read_text('utf-8')[-3000:]}")
