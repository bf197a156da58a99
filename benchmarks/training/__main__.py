"""Run the parts: `python -m benchmarks.training [--only PART] [--quick]`."""

from __future__ import annotations

from benchmarks.parts import run_parts

PARTS = ("quality", "knobs", "speed", "improve", "kill", "gpu")

if __name__ == "__main__":
    run_parts("training", PARTS)
