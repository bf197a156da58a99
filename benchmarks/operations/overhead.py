"""Wall time of a tiny night on the embedded default, less its stages' own time, and its process's memory."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.operations.work import environment, run_night, stages, tiny_profile
from benchmarks.parts import Part
from benchmarks.record import Row, show

NIGHTS = 3


def run(quick: bool) -> Part:
    """Each night has a store and a Prefect home of its own, so everything is made and the database is new."""
    table: list[Row] = []
    for number in range(1 if quick else NIGHTS):
        with tempfile.TemporaryDirectory() as folder:
            profile = tiny_profile(Path(folder))
            ran = run_night(profile, environment(Path(folder, "prefect")))
            own = sum(seconds for _, seconds in stages(profile).values())
        table.append(
            {
                "night": number + 1,
                "wall_s": round(ran.seconds, 1),
                "stages_s": round(own, 1),
                "overhead_s": round(ran.seconds - own, 1),
                "flow_process_peak_mb": round(ran.peak_mb),
            }
        )
    show("Tiny nights on the embedded default; all from the start of the process to its end", table)
    figures = {f"{name}_median": statistics.median(row[name] for row in table) for name in table[0] if name != "night"}
    return Part({"nights": len(table), **figures}, ("prefect", "torch", "transformers"))
