"""A server that answers nobody for a minute in the middle of a run, and one that refuses the key."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.judging.serve import llm_server
from benchmarks.judging.sides import FAULTS, PACKAGES, finish, run_side, start
from benchmarks.judging.work import KEY, endpoint, make_rows
from benchmarks.parts import Part
from benchmarks.record import show
from tasks.common.errors import InputError
from tasks.judging.config import JudgingConfig
from tasks.judging.judge import judge_rows


def run(quick: bool) -> Part:
    """Rows failed by the outage, and seconds until a dead key is told."""
    outage_s, n = (5.0, 600) if quick else (60.0, 2000)
    with llm_server(faults=FAULTS) as server, tempfile.TemporaryDirectory() as folder:
        child = start("ours", n, server.url, Path(folder), {})
        while server.stats()["counts"].get("ok", 0) < 200:
            time.sleep(0.1)
        server.set(down=True)
        time.sleep(outage_s)
        server.set(down=False)
        found = finish(child, n, server)
        asked_while_down = server.stats()["counts"].get("down", 0)
    figures: dict[str, float] = {
        "outage_s": outage_s,
        "rows_failed": found["rows_lost"] + found["rows_undecided"],
        "rows_wrong": found["rows_wrong"],
        "asked_while_down": asked_while_down,
        "provoked_429": found["provoked_429"],
        "wall_s": found["wall_s"],
        "wall_without_outage_s": run_side("ours", n, faults=FAULTS)["wall_s"],
    }
    with llm_server(dead_key=True) as server, tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        try:
            judge_rows(make_rows(500), JudgingConfig(), Path(folder, "j.jsonl"), endpoint(server.url))
        except InputError as error:
            assert KEY not in str(error)
            figures["dead_key_s"] = round(time.monotonic() - began, 2)
        figures["dead_key_requests"] = server.stats()["counts"]["requests"]
    show("Outage and dead key", [figures])
    return Part(figures, PACKAGES)
