"""Run the parts: `python -m benchmarks.operations [--only PART] [--quick]`."""

from __future__ import annotations

from benchmarks.parts import run_parts

PARTS = ("overhead", "engines", "cancel")

if __name__ == "__main__":
    run_parts("operations", PARTS)
