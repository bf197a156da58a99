"""Rows a second of a tuned model on held-out English rows: our engine beside three other ways, in paired runs."""

from __future__ import annotations

import statistics
import time

from benchmarks.inference.ways import WAYS
from benchmarks.inference.work import BATCH_SIZE, DTYPE, MAX_NEW_TOKENS, PACKAGES, PROMPT, english_rows, tuned_model
from benchmarks.parts import Part
from benchmarks.record import Row, show
from tasks.models.loading import load_model, load_tokenizer
from tasks.prompts.tokens import encode_prompts

PAIRS = 3
# The slow ways answer every n-th row: their rows do not wait for each other, so fewer tell as much.
EVERY = {"ours": 1, "sorted_batches": 1, "one_prompt_with_stop_rule": 4, "the_seeds_way": 56}


def run(quick: bool) -> Part:
    """Answer the rows in every way, in turn; loading the model is not counted."""
    rows = english_rows()
    folder = str(tuned_model())
    model, tokenizer = load_model(folder, DTYPE), load_tokenizer(folder)
    prompts = encode_prompts(PROMPT, rows, tokenizer)[:: 4 if quick else 1]
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(1 if quick else PAIRS):
        for name, way in WAYS.items():
            asked = prompts[:: EVERY[name]]
            began = time.monotonic()
            way(model, tokenizer, asked, BATCH_SIZE, MAX_NEW_TOKENS)
            rates[name].append(len(asked) / (time.monotonic() - began))
            print(f"{name}: {rates[name][-1]:.3f} rows/s", flush=True)
    table: list[Row] = [
        {
            "way": name,
            "rows_per_s": round(statistics.median(rates[name]), 3),
            "ours_times_as_fast": round(
                statistics.median(a / b for a, b in zip(rates["ours"], rates[name], strict=True)), 2
            ),
        }
        for name in WAYS
    ]
    show(f"{len(prompts)} rows in {DTYPE}, medians of {PAIRS} paired runs", table)
    figures: dict[str, float | int | str | None] = {"rows": len(prompts), "precision": DTYPE, "batch": BATCH_SIZE}
    for line in table:
        figures |= {f"{line['way']}_{key}": value for key, value in line.items() if key != "way"}
    return Part(figures, PACKAGES)
