"""1,000 and 5,000 requests at 6,000 a minute with faults but no hangs: ours and the cookbook's loop in turn.

The limit alone sets the floor. How far above it a client ends depends on how long the last answers take, too, so
1,000 requests are sent to a quick server, to the usual one and to one as slow as a large model.
"""

from __future__ import annotations

import statistics

from benchmarks.judging.server import Settings
from benchmarks.judging.sides import FAULTS, PACKAGES, floor_s, ideal_s, run_side
from benchmarks.parts import Part
from benchmarks.record import show

USUAL_S = Settings().median_s
RUNS = ((1000, USUAL_S), (1000, 0.05), (1000, 1.0), (5000, USUAL_S))  # requests, seconds half of the answers take
PAIRS = 3  # of runs of both sides in turn


def run(quick: bool) -> Part:
    """Medians of wall time over the floor, CPU seconds, 429s provoked, rows lost and wrongly joined."""
    figures: dict[str, float] = {}
    pairs = 1 if quick else PAIRS
    for n, median_s in RUNS[:1] if quick else RUNS:
        took: dict[str, list[dict[str, float]]] = {"ours": [], "cookbook": []}
        for _ in range(pairs):
            for side, runs in took.items():
                runs.append(run_side(side, n, faults=FAULTS, median_s=median_s))
        floor, ideal = floor_s(n), ideal_s(n, median_s)
        name = f"{n}" if median_s == USUAL_S else f"{n}_answers_{median_s:g}s"
        rows = []
        for side, runs in took.items():
            found = {of: round(statistics.median(one[of] for one in runs), 2) for of in runs[0]}
            found["wall_over_floor"] = round(found["wall_s"] / floor, 3)
            found["wall_over_ideal"] = round(found["wall_s"] / ideal, 3)
            found["provoked_429_share"] = round(found["provoked_429"] / n, 4)
            rows.append({"side": side, **found})
            figures |= {f"{side}_{name}_{of}": value for of, value in found.items()}
        ratios = [ours["cpu_s"] / peer["cpu_s"] for ours, peer in zip(*took.values(), strict=True)]
        figures[f"cpu_ours_over_cookbook_{name}"] = round(statistics.median(ratios), 2)
        figures[f"ideal_{name}_over_floor"] = round(ideal / floor, 3)
        show(
            f"{n:,} requests, 6,000 a minute, answers in {median_s:g} s, median of {pairs} runs, "
            f"floor {floor:.0f} s, an ideal client {ideal:.1f} s",
            rows,
        )
    return Part(figures, PACKAGES)
