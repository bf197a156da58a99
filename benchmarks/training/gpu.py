"""What each setting is worth on a GPU: rows and tokens a second, share of the card's arithmetic, peak memory.

Needs one; `T2S_GPU_BASE` names the base model (a folder or a Hub id), the bundled one if it is not set.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.work import LAPTOP, PACKAGES, Bench

ROWS = 512
REPEATS = 3
START: dict[str, Any] = {"batch_size": 4}
SETTINGS: dict[str, dict[str, Any]] = {
    "nf4, 4 sequences of 4 rows": {},
    "bf16 base": {"quantization": "none"},
    "8-bit base": {"quantization": "int8"},
    "rows alone": {"rows_per_sequence": 1, "batch_size": 16},
    "sequences of 8 rows": {"rows_per_sequence": 8, "batch_size": 2},
    "16 sequences a batch": {"batch_size": 16},
    "activations recomputed": {"activation_checkpointing": True},
    "8-bit optimizer": {"optimizer": "adamw_8bit"},
    "paged 8-bit optimizer": {"optimizer": "paged_adamw_8bit"},
    "compiled": {"told": "compiled"},
}


def run(quick: bool) -> Part:
    """Train with each setting in turn, several times; medians."""
    if not torch.cuda.is_available():
        print("gpu: there is none here, so nothing was measured", flush=True)
        return Part({}, PACKAGES)
    settings = dict(list(SETTINGS.items())[:2]) if quick else SETTINGS
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in settings}
    base = os.environ.get("T2S_GPU_BASE", LAPTOP.model.base)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), {"en": 32 if quick else ROWS}, {"en": 4}, base)
        for repeat in range(1 if quick else REPEATS):
            for name, changed in settings.items():
                values = {**START, **changed}
                variant = values.pop("told", None)
                training = LAPTOP.training.model_copy(update=values)
                if variant:
                    module = "benchmarks.training.variant"
                    adapter = bench.train(f"{name} {repeat}", training, module=module, variant=variant)
                else:
                    adapter = bench.train(f"{name} {repeat}", training)
                measured[name].append(dict(adapter.counts))
    table = [
        {
            "setting": name,
            "rows_per_s": _median(runs, lambda one: one["rows"] / one["train_seconds"]),
            "tokens_per_s": _median(runs, lambda one: one["tokens_per_s"]),
            "tflops": _median(runs, lambda one: one["tflops"]),
            "peak_mb": _median(runs, lambda one: one["peak_mb"]),
        }
        for name, runs in measured.items()
    ]
    show(f"{base} on {torch.cuda.get_device_name()}", table)
    figures = {"base": base, "card": torch.cuda.get_device_name(), "rows": ROWS}
    return Part(figures, PACKAGES, {"table": table})


def _median(runs: list[dict[str, Any]], of: Any) -> float:
    return round(statistics.median(of(one) for one in runs), 2)
