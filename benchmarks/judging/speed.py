"""1,000 and 5,000 requests at 6,000 a minute with faults but no hangs: ours and the cookbook's loop in turn."""

from __future__ import annotations

from benchmarks.judging.sides import FAULTS, floor_s, ideal_s, run_side
from benchmarks.record import show


def run(quick: bool) -> dict[str, float]:
    """Wall time over the floor, CPU seconds, 429s provoked, rows lost and wrongly joined."""
    figures: dict[str, float] = {}
    for n in (1000,) if quick else (1000, 5000):
        rows = []
        for side in ("ours", "cookbook"):
            found = run_side(side, n, faults=FAULTS)
            found["wall_over_floor"] = round(found["wall_s"] / floor_s(n), 3)
            found["wall_over_ideal"] = round(found["wall_s"] / ideal_s(n), 3)
            found["provoked_429_share"] = round(found["provoked_429"] / n, 4)
            rows.append({"side": side, **found})
            figures |= {f"{side}_{n}_{name}": value for name, value in found.items()}
        figures[f"ideal_{n}_over_floor"] = round(ideal_s(n) / floor_s(n), 3)
        show(f"{n:,} requests, 6,000 a minute, floor {floor_s(n):.0f} s, an ideal client {ideal_s(n):.1f} s", rows)
    return figures
