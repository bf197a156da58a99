"""The same without headers, and with an account of half the configured tier, with and without headers."""

from __future__ import annotations

from benchmarks.judging.sides import FAULTS, PACKAGES, RPM, floor_s, run_side
from benchmarks.parts import Part
from benchmarks.record import show


def run(quick: bool) -> Part:
    """Wall time over each server's own floor, and 429s provoked."""
    n = 1000 if quick else 2000
    figures: dict[str, float] = {}
    rows = []
    for name, rpm, headers in (
        ("no headers", RPM, False),
        ("half", RPM / 2, True),
        ("half, no headers", RPM / 2, False),
    ):
        found = run_side("ours", n, faults=FAULTS, rpm=rpm, headers=headers)
        found["wall_over_floor"] = round(found["wall_s"] / floor_s(n, rpm), 3)
        found["provoked_429_share"] = round(found["provoked_429"] / n, 4)
        rows.append({"account": name, **found})
        figures |= {f"{name.replace(', ', '_').replace(' ', '_')}_{key}": value for key, value in found.items()}
    show(f"{n:,} requests, 6,000 a minute configured", rows)
    return Part(figures, PACKAGES)
