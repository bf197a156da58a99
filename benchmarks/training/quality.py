"""What ten CPU-minutes of training give on held-out games, ours beside the book's settings, three seeds each."""

from __future__ import annotations

import statistics

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.work import GAMES, LAPTOP, PACKAGES, SECTIONS, STORE, Bench, accuracy
from tasks.data.config import Language

SEEDS = (1, 2, 3)
CPU_S = 600
# As many rows as fit in the time, found by trial; both are held to it.
ROWS: dict[Language, int] = {"en": 1617, "ko": 60}
BOOK_ROWS = 384


def run(quick: bool) -> Part:
    """Train both ways and measure; the table gives each run, the figures mean and spread."""
    seeds = SEEDS[:1] if quick else SEEDS
    rows: dict[Language, int] = {"en": 16, "ko": 4} if quick else ROWS
    table = []
    bench = Bench(STORE, rows, {"en": 8, "ko": 8} if quick else GAMES)
    for name, prompt in (("base, columns", None), ("base, sections", SECTIONS)):
        scores = bench.scores(bench.base, prompt) if prompt else bench.scores(bench.base)
        table.append({"way": name, "seed": "", "rows": 0, "cpu_s": 0.0, "peak_mb": 0, **accuracy(scores)})
    for seed in seeds:
        training = LAPTOP.training.model_copy(update={"seed": seed})
        ours = bench.train(f"ours-{seed}", training)
        book = bench.train(
            f"book-{seed}",
            training,
            SECTIONS,
            "benchmarks.training.book",
            rows=64 if quick else BOOK_ROWS,
            cpu_s=CPU_S,
            recompute=False,
        )
        for way, adapter, scores in (
            ("ours", ours, bench.answered(ours)),
            ("book", book, bench.answered(book, SECTIONS)),
        ):
            counts = {key: adapter.counts[key] for key in ("rows", "cpu_seconds", "peak_mb")}
            table.append({"way": way, "seed": str(seed), **_named(counts), **accuracy(scores)})
        print(table[-2], table[-1], sep="\n", flush=True)
    show("Execution accuracy on held-out games, per cent", table)
    figures: dict[str, float | int | str | None] = {}
    for way in ("base, columns", "base, sections", "ours", "book"):
        for key in ("ex_en", "ex_ko", "cpu_s", "rows", "peak_mb"):
            values = [float(str(line[key])) for line in table if line["way"] == way]
            plain = way.replace(", ", "_")
            figures[f"{plain}_{key}_mean"] = round(statistics.mean(values), 1)
            if len(values) > 1:
                figures[f"{plain}_{key}_spread"] = round(max(values) - min(values), 1)
    return Part(figures, PACKAGES, {"runs": table})


def _named(counts: dict[str, int | float | str]) -> dict[str, int | float | str]:
    return {"rows": counts["rows"], "cpu_s": counts["cpu_seconds"], "peak_mb": counts["peak_mb"]}
