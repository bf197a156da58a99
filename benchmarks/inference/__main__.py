"""Run the parts: `python -m benchmarks.inference [--only PART] [--quick]`."""

from __future__ import annotations

from benchmarks.parts import run_parts

PARTS = ("speed", "identical", "resume", "cpu_engines", "vllm_check")

if __name__ == "__main__":
    run_parts("inference", PARTS)
