"""What each setting is worth: one changed at a time, on the same rows, everything else as the profile `laptop` has it.

Told are execution accuracy on held-out English games (112 rows: differences under ten points are within chance), the
loss of their gold answers, which is finer, CPU seconds and peak memory of the training process.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.work import COLUMNS, LAPTOP, OURS, PACKAGES, SECTIONS, STORE, Bench, accuracy
from tasks.prompts.prompt import Prompt

ROWS = 320
VARIANT = "benchmarks.training.variant"


class Knob(NamedTuple):
    """One change: settings of `training`, or a script that does what no setting of ours does."""

    name: str
    settings: dict[str, Any]
    prompt: Prompt = COLUMNS
    told: dict[str, Any] = {}  # noqa: RUF012 - never changed


KNOBS = (
    Knob("as it is", {}),
    Knob("adapter in fp32", {}, told={"variant": "fp32 adapter"}),
    Knob("learning rate 2e-4", {"learning_rate": 2e-4}),
    Knob("learning rate 1e-3", {"learning_rate": 1e-3}),
    Knob("learning rate 4e-3", {"learning_rate": 4e-3}),
    Knob("one row a sequence, four a batch", {"rows_per_sequence": 1, "batch_size": 4}),
    Knob("two rows a sequence, two a batch", {"rows_per_sequence": 2, "batch_size": 2}),
    Knob("two rows a sequence, one a batch, twice the steps", {"rows_per_sequence": 2, "learning_rate": 1.5e-3}),
    Knob("eight rows a sequence", {"rows_per_sequence": 8}),
    Knob("rank 4", {"lora_r": 4, "lora_alpha": 8}),
    Knob("rank 64", {"lora_r": 64, "lora_alpha": 128}),
    Knob("rank 64, rsLoRA, alpha 32", {"lora_r": 64, "lora_alpha": 32, "adapter": "rslora"}),
    Knob("DoRA, base in bf16", {"adapter": "dora", "quantization": "none"}),  # on NF4 a CPU answers wrongly
    Knob("attention only", {"target_modules": ("q_proj", "k_proj", "v_proj", "o_proj")}),
    Knob("base in bf16", {"quantization": "none"}),
    Knob("base in 8 bits", {"quantization": "int8"}),
    Knob("loss on the whole text", {}, told={"variant": "whole text"}),
    Knob("prompt with the DDL", {}, SECTIONS),
)


def run(quick: bool) -> Part:
    """Train and measure with each change."""
    table = []
    bench = Bench(STORE, {"en": 16 if quick else ROWS}, {"en": 8 if quick else 112})
    for number, knob in enumerate(KNOBS[:2] if quick else KNOBS):
        settings = {"validation_rows": 1, "checkpoint_every_steps": 10_000, **knob.settings}
        adapter = bench.train(
            f"knob-{number}",
            LAPTOP.training.model_copy(update=settings),
            knob.prompt,
            VARIANT if knob.told else OURS,
            held_back=str(bench.data.file("eval.parquet")),
            **knob.told,
        )
        training = json.loads(adapter.file("training.json").read_text("utf-8"))
        scores = bench.answered(adapter, knob.prompt)
        table.append(
            {
                "setting": knob.name,
                **accuracy(scores),
                "held_out_loss": training["candidates"][0]["held_back_loss"],
                "cpu_s": adapter.counts["cpu_seconds"],
                "peak_mb": adapter.counts["peak_mb"],
            }
        )
        print(table[-1], flush=True)
    show(f"One setting changed at a time, {ROWS} English rows", table)
    best = max(table, key=lambda line: line["ex_en"])
    return Part(
        {"rows": ROWS, "as_it_is_ex_en": table[0]["ex_en"], "best": best["setting"], "best_ex_en": best["ex_en"]},
        PACKAGES,
        {"table": table},
    )
