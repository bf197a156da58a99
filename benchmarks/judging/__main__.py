"""Run the parts: `python -m benchmarks.judging [--only PART] [--quick]`."""

from __future__ import annotations

import argparse
import json
from importlib import import_module

import benchmarks.judging
from benchmarks.record import record_part

PARTS = ("speed", "tiers", "hangs", "kill", "outage", "memory")
PACKAGES = ("openai", "aiohttp", "httpx2", "pydantic", "sqlglot")


def main() -> None:
    """Run one part or all, record each when it is done, and print all their figures as the last line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judging", description=benchmarks.judging.__doc__)
    parser.add_argument("--only", choices=PARTS, help="run this part alone")
    parser.add_argument("--quick", action="store_true", help="a small run; nothing is recorded")
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    for name in [asked.only] if asked.only else PARTS:
        found = import_module(f"benchmarks.judging.{name}").run(asked.quick)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        if not asked.quick:
            record_part("judging", name, found, PACKAGES)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
