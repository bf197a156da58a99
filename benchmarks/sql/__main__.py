"""Run the parts: `python -m benchmarks.sql [--only PART] [--quick] [--seed N]`."""

from __future__ import annotations

import argparse
import json
from importlib import import_module

import benchmarks.sql
from benchmarks.record import record_part

PARTS = ("mutants", "hostile", "cost", "dialects")


def main() -> None:
    """Run one part or all, record each when it is done, and print all their figures as the last line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sql", description=benchmarks.sql.__doc__)
    parser.add_argument("--only", choices=PARTS, help="run this part alone")
    parser.add_argument("--quick", action="store_true", help="a small run, under a minute a part; nothing is recorded")
    parser.add_argument("--seed", type=int, default=7, help="seed of everything that is drawn")
    asked = parser.parse_args()
    figures: dict[str, object] = {}
    for name in [asked.only] if asked.only else PARTS:
        part = import_module(f"benchmarks.sql.{name}").run(asked.quick, asked.seed)
        figures |= {f"{name}_{key}": value for key, value in part.figures.items()}
        if not asked.quick:
            record_part("sql", name, part.figures, part.packages, part.listed or {})
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
