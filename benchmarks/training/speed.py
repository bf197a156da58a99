"""Rows a second and peak memory of training, ours beside the book's settings on the same rows, in paired runs."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.work import LAPTOP, PACKAGES, SECTIONS, Bench

PAIRS = 3
ROWS = 32  # of the book's step of 64
WAYS = ("ours", "ours, prompt with the DDL", "book", "book, activations recomputed")


def run(quick: bool) -> Part:
    """Train the same rows in every way, in turn; loading the model is not counted, the first step is."""
    rows = 8 if quick else ROWS
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    peaks: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), {"en": rows}, {"en": 4})
        for pair in range(1 if quick else PAIRS):
            for way in WAYS:
                name = f"{way} {pair}"
                if way.startswith("ours"):
                    prompt = (SECTIONS,) if "DDL" in way else ()
                    trained = bench.train(name, LAPTOP.training, *prompt)
                else:
                    recompute = "recomputed" in way
                    trained = bench.train(
                        name,
                        LAPTOP.training,
                        SECTIONS,
                        "benchmarks.training.book",
                        rows=rows,
                        cpu_s=3_600,
                        recompute=recompute,
                    )
                rates[way].append(rows / float(trained.counts["train_seconds"]))
                peaks[way].append(float(trained.counts["peak_mb"]))
                print(way, rates[way][-1], peaks[way][-1], flush=True)
    table: list[dict[str, float | int | str | None]] = [
        {
            "way": way,
            "rows_per_s": round(statistics.median(rates[way]), 2),
            "peak_mb": round(statistics.median(peaks[way])),
            "ours_times_as_fast": round(
                statistics.median(a / b for a, b in zip(rates["ours"], rates[way], strict=True)), 2
            ),
        }
        for way in WAYS
    ]
    show(f"Training {rows} rows, medians of {PAIRS} paired runs", table)
    figures: dict[str, float | int | str | None] = {"rows": rows}
    for line in table:
        plain = str(line["way"]).replace(",", "").replace(" ", "_")
        figures |= {f"{plain}_{key}": value for key, value in line.items() if key != "way"}
    return Part(figures, PACKAGES)
