"""What it costs to prepare rows: `python -m benchmarks.data [--only PART] [--quick]`.

The seed's way, on the same rows with the same checks: a Python function per row that opens a database. Parts:
`checks` (rows a second of each check against the seed's way), `leakage` (every question against every evaluation
question), and `prepare_10k`, `prepare_100k` (wall time and peak memory of the whole stage).
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from benchmarks import seed_checks
from benchmarks.grown import write_grown
from benchmarks.measure import PeakMemory, paired_medians
from benchmarks.record import Figures, Row, record_part, show
from tasks.data.config import DataConfig, LeakageConfig
from tasks.data.expectation import unsound_queries
from tasks.data.leakage import find_leaks, normalised
from tasks.data.prepare import prepare_data
from tasks.data.sources.config import RowsSource
from tasks.data.sources.read import read_rows
from tasks.data.split import split_by_database
from tasks.data.suite import form_suite
from tasks.data.validation import run_suite
from tasks.sql.config import SqlConfig

PACKAGES = ["pandas", "great-expectations", "sqlglot", "rapidfuzz", "pyarrow"]
HELD_OUT = ("1",)
SQL = SqlConfig()
Work = tuple[pd.DataFrame, Callable[[], object], Callable[[pd.Series], bool]]


def rows_of(folder: Path, count: int) -> pd.DataFrame:
    """Rows as the checks get them."""
    return read_rows(config_of(folder, count))


def config_of(folder: Path, count: int) -> DataConfig:
    """The night's configuration over a grown sample, which is written if need be."""
    path = folder / f"grown-{count}.jsonl"
    if not path.is_file():
        write_grown(path, count)
    return DataConfig(sources=(RowsSource(kind="rows", path=str(path)),), holdout_db_ids=HELD_OUT)


def checks(folder: Path, quick: bool) -> Figures:
    """Rows a second of each check, ours and the seed's way."""
    form = rows_of(folder, 5_000 if quick else 50_000)
    suite = [expectation for expectation in form_suite(seed_checks.LIMITS) if expectation.meta]
    # Of grown rows every second one has a schema of its own; an odd step takes both sorts evenly, of all domains.
    mixed = form.iloc[:: len(form) // (150 if quick else 4_000) | 1]
    shared = form.iloc[: 2 * len(mixed) : 2]
    works: dict[str, Work] = {
        name: (
            form,
            partial(run_suite, [one for one in suite if re.search(reason, one.meta["reason"])], form, {}),
            check,
        )
        for name, (reason, check) in seed_checks.FORM.items()
    }
    works |= {
        "the whole form suite": (form, partial(run_suite, suite, form, {}), seed_checks.form),
        "queries, half of them over a schema of their own": (mixed, partial(queries, mixed), seed_checks.query),
        "queries over shared schemas": (shared, partial(queries, shared), seed_checks.query),
    }
    figures: dict[str, float | int | str | None] = {}
    table: list[Row] = []
    for name, (rows, ours, check) in works.items():
        seconds = paired_medians({"ours": ours, "seed": partial(seed_checks.run, rows, check)}, 1 if quick else 3)
        speed = {side: len(rows) / taken for side, taken in seconds.items()}
        key = name.partition(",")[0].replace(" ", "_")
        figures |= {f"{key}_rows": len(rows), **{f"{key}_{side}_rows_per_s": round(s) for side, s in speed.items()}}
        table.append(
            {
                "check": name,
                "rows": f"{len(rows):,}",
                "ours, rows/s": f"{speed['ours']:,.0f}",
                "seed's way, rows/s": f"{speed['seed']:,.0f}",
                "ours / seed's": f"{speed['ours'] / speed['seed']:.1f}",
            }
        )
    show("Checks against a Python function per row", table)
    return figures


def queries(rows: pd.DataFrame) -> None:
    """The query checks, in as many processes as there are cores."""
    assert not unsound_queries(rows.reset_index(), SQL, True)


def leakage(folder: Path, quick: bool) -> Figures:
    """Every training question against every evaluation question; the seed's way is rapidfuzz as one finds it."""
    count = 10_000 if quick else 100_000
    train, evaluation = split_by_database(rows_of(folder, count), HELD_OUT)
    with PeakMemory() as peak:
        before = peak.mb
        began = time.perf_counter()
        found = find_leaks(train, evaluation, LeakageConfig())
        seconds = time.perf_counter() - began
    some = train["question"].head(500 if quick else 2_000)
    plain = [normalised(text) for text in some], [normalised(text) for text in evaluation["question"]]
    began = time.perf_counter()
    process.cdist(*plain, scorer=fuzz.token_sort_ratio, score_cutoff=90, dtype=np.float32, workers=-1)
    whole = (time.perf_counter() - began) * len(train) / len(some)
    show(
        "Leakage",
        [
            {
                "training x evaluation": f"{len(train):,} x {len(evaluation):,}",
                "ours, s": f"{seconds:.1f}",
                "all pairs with cdist, s (from a part)": f"{whole:.1f}",
                "peak memory of the process, MB": f"{max(peak.mb, before):,.0f}",
                "near questions": f"{(found['shares'] == 'near question').sum():,}",
            }
        ],
    )
    return {
        "train": len(train),
        "evaluation": len(evaluation),
        "s": round(seconds, 1),
        "all_pairs_cdist_s": round(whole, 1),
        "peak_mb": round(peak.mb),
        "near_questions": int((found["shares"] == "near question").sum()),
    }


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended; a busy machine changes them little."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def prepare(folder: Path, count: int) -> Figures:
    """Wall and CPU time of `prepare_data`, and the peak memory of its process and their children together."""
    config = config_of(folder, count)
    with PeakMemory() as peak:
        began, worked = time.perf_counter(), cpu_s()
        output = prepare_data(config, SQL, folder / f"store-{count}")
        seconds, worked = time.perf_counter() - began, cpu_s() - worked
    figures: dict[str, float | int | str | None] = {
        "rows": count,
        "s": round(seconds, 1),
        "cpu_s": round(worked, 1),
        "rows_per_s": round(count / seconds),
        "cpu_ms_per_row": round(1_000 * worked / count, 2),
        "peak_mb": round(peak.mb),
        **{name: output.counts[name] for name in ("train", "eval", "quarantined", "leaked_dropped", "near_duplicates")},
    }
    show(f"prepare_data, {count:,} rows", [{name.replace("_", " "): f"{value:,}" for name, value in figures.items()}])
    return figures


PARTS: dict[str, Callable[[Path, bool], Figures]] = {
    "checks": checks,
    "leakage": leakage,
    "prepare_10k": lambda folder, quick: prepare(folder, 500 if quick else 10_000),
    "prepare_100k": lambda folder, quick: prepare(folder, 1_000 if quick else 100_000),
}


def main() -> None:
    """Run one part or all, record each when it is done, and print all their figures as the last line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run this part alone")
    parser.add_argument("--quick", action="store_true", help="a small run in under a minute; nothing is recorded")
    asked = parser.parse_args()
    figures: dict[str, float | int | str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [asked.only] if asked.only else PARTS:
            found = PARTS[name](Path(folder), asked.quick)
            figures |= {f"{name}_{key}": value for key, value in found.items()}
            if not asked.quick:
                record_part("data", name, found, PACKAGES)
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
