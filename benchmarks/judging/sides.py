"""Runs one side on a fresh server and counts what came of it."""

from __future__ import annotations

import heapq
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.judging.serve import Remote, llm_server
from benchmarks.judging.server import Settings, fault

PACKAGES = ("openai", "aiohttp", "httpx2", "pydantic", "sqlglot")
RPM, BURST_S = 6000, 5.0
# Shares of requests; a row's third try and later meet none.
FAULTS = {
    **{"500": 0.003, "503": 0.003, "429": 0.002, "429 seconds": 0.001, "429 date": 0.001, "reset": 0.003},
    **{"truncated": 0.002, "malformed": 0.002, "html": 0.002, "no choices": 0.001, "refusal": 0.002},
}
HANGS = {"hang": 0.002}


def floor_s(n: int, rpm: float = RPM) -> float:
    """Seconds in which the limit admits `n` requests: what the server admits at once is free."""
    return max(0.0, n / (rpm / 60) - BURST_S)


def ideal_s(n: int, median_s: float) -> float:
    """Seconds that a client would take which knows the limit, and asks again as soon as a fault is seen.

    The mean of ten simulated runs with the server's faults and times to answer (half of them longer than `median_s`):
    what no client can beat.
    """
    return statistics.mean(_ideal_run_s(n, median_s, random.Random(seed)) for seed in range(10))


def _ideal_run_s(n: int, median_s: float, lottery: random.Random) -> float:
    sigma = Settings().sigma
    waiting = [(0.0, number, 1) for number in range(n)]  # from when it may be sent, row, which try
    sent, end = 0, 0.0
    while waiting:
        ready, number, nth = heapq.heappop(waiting)
        at = max(ready, floor_s(sent + 1))
        sent += 1
        what = fault(FAULTS, number, nth)
        answered = at + lottery.lognormvariate(0, sigma) * median_s
        if what in ("ok", "refusal"):
            end = max(end, answered)
        else:
            told_s = 1.0 if what in ("429 seconds", "429 date") else 0.0
            heapq.heappush(waiting, (answered + told_s, number, nth + 1))
    return end


def start(side: str, n: int, url: str, folder: Path, config: Mapping[str, Any]) -> subprocess.Popen[str]:
    """One side at work in a process of its own."""
    asked = {"side": side, "n": n, "url": url, "folder": str(folder), "config": config}
    command = [sys.executable, "-m", "benchmarks.judging.work", json.dumps(asked)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(child: subprocess.Popen[str], n: int, server: Remote) -> dict[str, float]:
    """Its figures when it is done: time, memory, and rows lost, undecided, wrongly joined; what the server saw."""
    printed, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"a side ended with exit status {child.returncode}")
    took = json.loads(printed)
    said = {int(number): word for number, word in took.pop("said").items()}
    seen = server.stats()
    decided = {number: word for number, word in said.items() if word in ("yes", "no")}
    return {
        **{name: round(value, 2) for name, value in took.items()},
        "rows_lost": n - len(said),
        "rows_undecided": len(said) - len(decided),
        "rows_wrong": sum(word != ("yes" if number % 2 == 0 else "no") for number, word in decided.items()),
        "requests": seen["counts"].get("requests", 0),
        "provoked_429": seen["counts"].get("limited", 0),
        "server_cpu_s": round(seen["cpu_s"], 2),
    }


def run_side(side: str, n: int, config: Mapping[str, Any] | None = None, **server: Any) -> dict[str, float]:
    """One side's figures on a server of its own with `server` settings."""
    with llm_server(**server) as remote, tempfile.TemporaryDirectory() as folder:
        return finish(start(side, n, remote.url, Path(folder), config or {}), n, remote)
