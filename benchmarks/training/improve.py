"""What a round of learning from its own mistakes gives on held-out games, three seeds, each way from the same model."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.quality import ROWS, SEEDS
from benchmarks.training.work import COLUMNS, DTYPE, GAMES, LAPTOP, PACKAGES, STORE, Bench, accuracy
from tasks.data.config import Language
from tasks.improving.config import ImproveConfig
from tasks.improving.round import improved
from tasks.models.merge import merged_model

WAYS: dict[str, dict[str, Any]] = {
    "rejection": {"method": "rejection"},
    "dpo": {"method": "dpo"},
}


def run(quick: bool) -> Part:
    """Train as `quality` does (what it has trained is taken again), improve, and measure before and after."""
    seeds = SEEDS[:1] if quick else SEEDS
    rows: dict[Language, int] = {"en": 16, "ko": 4} if quick else ROWS
    table: list[dict[str, Any]] = []
    bench = Bench(STORE, rows, {"en": 8, "ko": 8} if quick else GAMES)
    for seed in seeds:
        training = LAPTOP.training.model_copy(update={"seed": seed})
        adapter = bench.train(f"ours-{seed}", training)
        merged = merged_model(bench.base, adapter, DTYPE, bench.store)
        table.append({"seed": seed, "way": "before", **accuracy(bench.scores(merged))})
        for way, settings in WAYS.items():
            config = ImproveConfig.model_validate(
                {"seed": seed, **({"questions": {"en": 8}} if quick else {}), **settings}
            )
            made = improved(
                bench.base,
                adapter,
                merged,
                bench.data,
                COLUMNS,
                config,
                training,
                LAPTOP.inference,
                LAPTOP.sql,
                DTYPE,
                bench.store,
            )
            counts = {key: made.lessons.counts[key] for key in ("always_right", "sometimes_right", "never_right")}
            table.append(
                {
                    "seed": seed,
                    "way": way,
                    **accuracy(bench.answered(made.adapter)),
                    **counts,
                    "sampling_s": round(made.sampled.seconds),
                    "learning_s": round(made.adapter.seconds),
                }
            )
            print(table[-1], flush=True)
    show("Execution accuracy on held-out games before and after one round, per cent", [_even(line) for line in table])
    figures: dict[str, float | int | str | None] = {"seeds": len(seeds)}
    for language in ("en", "ko"):
        before = {line["seed"]: line[f"ex_{language}"] for line in table if line["way"] == "before"}
        figures[f"before_ex_{language}_mean"] = round(statistics.mean(before.values()), 1)
        for way in WAYS:
            gains = [line[f"ex_{language}"] - before[line["seed"]] for line in table if line["way"] == way]
            figures[f"{way}_ex_{language}_gain_mean"] = round(statistics.mean(gains), 1)
            figures[f"{way}_ex_{language}_gain_least"] = round(min(gains), 1)
            figures[f"{way}_ex_{language}_gain_most"] = round(max(gains), 1)
    return Part(figures, PACKAGES, {"rounds": table})


def _even(line: dict[str, Any]) -> dict[str, Any]:
    keys = (
        "seed",
        "way",
        "ex_en",
        "ex_ko",
        "always_right",
        "sometimes_right",
        "never_right",
        "sampling_s",
        "learning_s",
    )
    return {key: line.get(key) for key in keys}
