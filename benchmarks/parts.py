"""Benchmarks of several parts: `python -m benchmarks.NAME [--only PART] [--quick]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from benchmarks.record import Figures, record_part


@dataclass(frozen=True)
class Part:
    """What a part hands back.

    Attributes:
        figures: every figure under a plain name; the part's own name comes before it in the record. None of them: it
            could not run here, and has said so.
        packages: whose versions matter to these figures.
        listed: what the record lists besides figures, e.g. the cases that were left out, with reasons.
    """

    figures: Figures
    packages: tuple[str, ...]
    listed: dict[str, Any] | None = None


def run_parts(name: str, parts: Sequence[str], seeded: bool = False) -> None:
    """Run one part or all, record each when it is done, and print all their figures as the last line.

    Args:
        name: of the package `benchmarks.NAME`; each part is a module in it with `run(quick)`.
        parts: their names.
        seeded: they are `run(quick, seed)`, and `--seed` tells it.
    """
    package = f"benchmarks.{name}"
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=import_module(package).__doc__)
    parser.add_argument("--only", choices=parts, help="run this part alone")
    parser.add_argument("--quick", action="store_true", help="a small run; nothing is recorded")
    if seeded:
        parser.add_argument("--seed", type=int, default=7, help="seed of everything that is drawn")
    asked = parser.parse_args()
    figures: dict[str, object] = {}
    for part in [asked.only] if asked.only else parts:
        told = (asked.quick, asked.seed) if seeded else (asked.quick,)
        found: Part = import_module(f"{package}.{part}").run(*told)
        figures |= {f"{part}_{key}": value for key, value in found.figures.items()}
        if found.figures and not asked.quick:
            record_part(name, part, found.figures, found.packages, found.listed or {})
    print(json.dumps(figures, ensure_ascii=False))
