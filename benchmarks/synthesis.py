"""Rows written and cleaned by a scripted model behind a local server, the flows killed twice on the way.

python -m benchmarks.synthesis [--quick]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from benchmarks.killing import Killed, run_with_kills
from benchmarks.record import quick_asked, record, show
from benchmarks.writing_server import WritingServer, writing_server
from tasks.common.store import MANIFEST
from tasks.synthesis.stages import JOURNAL, SUMMARY

ROWS, QUICK_ROWS = 120, 32
FAULTS = 0.05  # of requests that are turned away at first
LIMITS = {"requests_per_minute": 60_000, "tokens_per_minute": 100_000_000}


def run_flow(what: str, config: dict[str, Any], kill_at: list[int], server: WritingServer, folder: Path) -> Killed:
    """Run one of the two flows as a user does, in a process of its own, killed when so many answers are filed."""
    file = folder / f"{what}.yaml"
    file.write_text(yaml.safe_dump({**LIMITS, **config, "store": str(folder), "base_url": server.url}), "utf-8")
    command = [sys.executable, "-m", "flows", what, str(file)]
    env = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or "", "OPENAI_API_KEY": "sk-none-of-yours-4711"}
    return run_with_kills(command, env, folder / JOURNAL, kill_at, server)


def output(folder: Path, stage: str) -> Path:
    """The folder of the one output that a stage has made."""
    (manifest,) = (folder / "stages" / stage).glob(f"*/{MANIFEST}")
    return manifest.parent


def main() -> None:
    """Print what was made, asked, killed and asked again."""
    quick = quick_asked(__doc__)
    lines: list[dict[str, Any]] = []
    figures: dict[str, float | int | str | None] = {}
    with prefect_test_harness(server_startup_timeout=120), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with writing_server(0.1, FAULTS) as server:
            rows = QUICK_ROWS if quick else ROWS
            written = folder / "synthesis" / "domains.parquet"
            for what, stage, config in (
                ("synthesize", "synthesis", {"rows": rows, "sql": {"databases": 5}}),
                ("clean", "cleaning", {"source": {"kind": "rows", "path": str(written)}}),
            ):
                before, filed = server.asked.copy(), _filed(folder)
                planned = rows // 8 if what == "synthesize" else len(pd.read_parquet(written))
                kill_at = [filed + planned // 3, filed + planned * 2 // 3]
                began = time.monotonic()
                killed = run_flow(what, config, kill_at, server, folder)
                summary = yaml.safe_load((output(folder, stage) / SUMMARY).read_text("utf-8"))
                line = {
                    "rows": summary.get("accepted", summary.get("kept")),
                    "refused": summary["refused"],
                    "requests": (server.asked - before).total(),
                    "kills": killed.kills,
                    "asked_again": killed.asked_again,
                    "in_flight_paid_twice": killed.paid_twice,
                    "wall_s": round(time.monotonic() - began, 1),
                }
                lines.append({"flow": f"{what}-data", **line})
                figures |= {f"{stage}_{figure}": value for figure, value in line.items()}
    show("Rows written and cleaned, killed and started again", lines)
    record("synthesis", figures, ["openai", "prefect", "sqlglot"], quick)


def _filed(folder: Path) -> int:
    journal = folder / JOURNAL
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


if __name__ == "__main__":
    main()
