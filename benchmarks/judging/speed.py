"""1,000 and 5,000 requests at 6,000 a minute with faults but no hangs: ours and the cookbook's loop in turn."""

from __future__ import annotations

import statistics

from benchmarks.judging.sides import FAULTS, PACKAGES, floor_s, ideal_s, run_side
from benchmarks.parts import Part
from benchmarks.record import show

PAIRS = {1000: 5, 5000: 1}  # runs of each side, in turn


def run(quick: bool) -> Part:
    """Medians of wall time over the floor, CPU seconds, 429s provoked, rows lost and wrongly joined."""
    figures: dict[str, float] = {}
    for n, pairs in {1000: 1}.items() if quick else PAIRS.items():
        took: dict[str, list[dict[str, float]]] = {"ours": [], "cookbook": []}
        for _ in range(pairs):
            for side, runs in took.items():
                runs.append(run_side(side, n, faults=FAULTS))
        rows = []
        for side, runs in took.items():
            found = {name: round(statistics.median(one[name] for one in runs), 2) for name in runs[0]}
            found["wall_over_floor"] = round(found["wall_s"] / floor_s(n), 3)
            found["wall_over_ideal"] = round(found["wall_s"] / ideal_s(n), 3)
            found["provoked_429_share"] = round(found["provoked_429"] / n, 4)
            rows.append({"side": side, **found})
            figures |= {f"{side}_{n}_{name}": value for name, value in found.items()}
        ratios = [ours["cpu_s"] / peer["cpu_s"] for ours, peer in zip(*took.values(), strict=True)]
        figures[f"cpu_ours_over_cookbook_{n}"] = round(statistics.median(ratios), 2)
        figures[f"ideal_{n}_over_floor"] = round(ideal_s(n) / floor_s(n), 3)
        show(
            f"{n:,} requests, 6,000 a minute, median of {pairs} runs, floor {floor_s(n):.0f} s, "
            f"an ideal client {ideal_s(n):.1f} s",
            rows,
        )
    return Part(figures, PACKAGES)
