"""Some requests hang for 30 s; ours gives one up after 10 s (`timeout_s`)."""

from __future__ import annotations

from benchmarks.judging.sides import FAULTS, HANGS, PACKAGES, floor_s, run_side
from benchmarks.parts import Part
from benchmarks.record import show


def run(quick: bool) -> Part:
    """Wall time over the floor with hangs."""
    n = 1000
    rows = [{"side": side, **run_side(side, n, faults={**HANGS, **FAULTS})} for side in ("ours", "cookbook")]
    show(f"{n:,} requests with hangs, floor {floor_s(n):.0f} s", rows)
    figures = {f"{row['side']}_{key}": float(value) for row in rows for key, value in row.items() if key != "side"}
    return Part(figures, PACKAGES)
