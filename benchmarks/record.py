"""How every benchmark tells what it found: tables for people, one line of JSON, and a file of record."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"

Figures = Mapping[str, float | int | str | None]
Row = Mapping[str, Any]


def quick_asked(description: str | None) -> bool:
    """Read the command line: whether `--quick` (a look, nothing is recorded) was given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small run in under a minute; nothing is recorded")
    return bool(parser.parse_args().quick)


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows (the same keys in each) as a table, numbers to the right."""
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="left" if isinstance(rows[0][column], str) else "right")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(width=None if os.isatty(1) else 160).print(table)


def record(name: str, figures: Figures, packages: Sequence[str], quick: bool) -> None:
    """Print the figures as one line of JSON, the last of the run; keep a run of record in results/<name>.json.

    Args:
        name: the benchmark's module.
        figures: every figure under a plain name that ends in its unit, e.g. 'prepare_100k_s'.
        packages: whose versions matter to these figures.
        quick: a look only; the file of record stays as it is.
    """
    if not quick:
        _write(name, _kept(figures, packages))
    print(json.dumps(dict(figures), ensure_ascii=False))


def record_part(
    name: str, part: str, figures: Figures, packages: Sequence[str], listed: Mapping[str, Any] | None = None
) -> None:
    """Keep a run of record of one part of a benchmark in results/<name>.json, beside the other parts' last runs.

    Args:
        name: the benchmark's package.
        part: the module in it, a key of the file.
        figures: as in `record`.
        packages: whose versions matter to these figures.
        listed: what is kept besides figures, e.g. lists of cases.
    """
    path = RESULTS / f"{name}.json"
    parts = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    parts[part] = _kept(figures, packages) | dict(listed or {})
    _write(name, parts)


def _kept(figures: Figures, packages: Sequence[str]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": {package: version(package) for package in packages},
        "figures": dict(figures),
    }


def _write(name: str, kept: Mapping[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, "utf-8")
