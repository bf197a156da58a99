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
    """Each night has a store of its own, so everything is made; the first one makes Prefect's database, too."""
    table: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder, "prefect"))
        for number in range(2 if quick else 1 + NIGHTS):
            place = Path(folder, f"night-{number}")
            place.mkdir()
            profile = tiny_profile(place)
            ran = run_night(profile, env)
            own = sum(seconds for _, seconds in stages(profile).values())
            table.append(
                {
                    "database": "there" if number else "new",
                    "wall_s": round(ran.seconds, 1),
                    "stages_s": round(own, 1),
                    "overhead_s": round(ran.seconds - own, 1),
                    "flow_process_peak_mb": round(ran.peak_mb),
                }
            )
    show("Tiny nights on the embedded default; all from the start of the process to its end", table)
    first, *rest = table
    figures = {f"{name}_median": statistics.median(row[name] for row in rest) for name in first if name != "database"}
    return Part(
        {"nights": len(rest), **figures, "overhead_s_new_database": first["overhead_s"]},
        ("prefect", "torch", "transformers"),
    )
