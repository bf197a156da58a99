"""Run the parts: `python -m benchmarks.sql [--only PART] [--quick] [--seed N]`."""

from __future__ import annotations

from benchmarks.parts import run_parts

PARTS = ("mutants", "hostile", "cost", "dialects")

if __name__ == "__main__":
    run_parts("sql", PARTS, seeded=True)
