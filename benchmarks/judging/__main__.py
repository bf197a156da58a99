"""Run the parts: `python -m benchmarks.judging [--only PART] [--quick]`."""

from __future__ import annotations

from benchmarks.parts import run_parts

PARTS = ("speed", "tiers", "hangs", "kill", "outage", "memory")

if __name__ == "__main__":
    run_parts("judging", PARTS)
