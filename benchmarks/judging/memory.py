"""20,000 rows: memory of the judge's process, and the time to open and read its journal."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.judging.serve import llm_server
from benchmarks.judging.sides import PACKAGES, finish, start
from benchmarks.parts import Part
from benchmarks.record import show
from tasks.judging.judge import Verdict
from tasks.llm.journal import Journal


def run(quick: bool) -> Part:
    """Peak memory at a twentieth and at all of the rows, and seconds to open a journal of them."""
    figures: dict[str, float] = {}
    n = 2_000 if quick else 20_000
    fast = {"requests_per_minute": 600_000, "in_flight": 128}
    with tempfile.TemporaryDirectory() as folder:
        for rows in (n // 20, n):
            with llm_server(rpm=6e6, median_s=0.05) as server:
                found = finish(start("ours", rows, server.url, Path(folder), fast), rows, server)
            figures[f"peak_mb_{rows}_rows"] = found["peak_mb"]
            figures[f"cpu_s_{rows}_rows"] = found["cpu_s"]
        began = time.monotonic()
        with Journal(Path(folder, "journal.jsonl"), Verdict) as book:
            book.find("")
        figures["journal_open_s"] = round(time.monotonic() - began, 3)
    show("Memory and journal", [figures])
    return Part(figures, PACKAGES)
