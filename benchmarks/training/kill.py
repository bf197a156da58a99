"""Killed with SIGKILL at five random steps and started again: is the adapter that of an undisturbed run?

Then the same training with less memory than it wants: is it survived, and is the step the same?
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.driver import difference
from benchmarks.training.work import COLUMNS, DTYPE, PACKAGES, Bench
from tasks.common.store import StageOutput
from tasks.training.config import TrainingConfig

KILLS = 5
ROWS = 96
BASES = {"nf4": "nf4", DTYPE: "none"}


def run(quick: bool) -> Part:
    """Kill, resume and compare, on a 4-bit and a 16-bit base; then take memory away."""
    figures: dict[str, float | int | str | None] = {"kills": KILLS, "rows": ROWS}
    table = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), {"en": 16 if quick else ROWS}, {"en": 4})
        for name, quantization in BASES.items():
            config = TrainingConfig.model_validate({"quantization": quantization, "checkpoint_every_steps": 4})
            undisturbed = finished(started(bench, config, f"{name}-undisturbed"))
            steps = int(undisturbed.counts["steps"])
            kill_at = sorted(random.Random(11).sample(range(1, steps), 1 if quick else KILLS))
            killed = finished_after(bench, config, f"{name}-killed", kill_at)
            found = difference(undisturbed, killed)
            table.append({"base": name, "steps": steps, "killed_at": str(kill_at), "difference": found})
            figures[f"{name}_largest_difference"] = found
            print(table[-1], flush=True)
        show("The adapter after kills against the undisturbed one", table)
        figures |= tight_memory(bench, quick)
    return Part(figures, PACKAGES, {"kills": table})


def tight_memory(bench: Bench, quick: bool) -> dict[str, float | int | str | None]:
    """Train sixteen rows a batch with all the memory there is, and with a limit that is too small for them."""
    config = TrainingConfig.model_validate({"batch_size": 4, "max_steps": 1 if quick else 3})
    roomy = finished(started(bench, config, "roomy"))
    limit = 3_300
    tight = finished(started(bench, config, "tight", megabytes=limit))
    return {
        "limit_mb": limit,
        "roomy_peak_mb": roomy.counts["peak_mb"],
        "tight_peak_mb": tight.counts["peak_mb"],
        "rows_at_once": config.batch_size * config.rows_per_sequence,
        "rows_at_once_after_out_of_memory": tight.counts.get("rows_at_once_after_out_of_memory"),
        "steps": tight.counts["steps"],
        "steps_roomy": roomy.counts["steps"],
        "first_loss": tight.counts["first_loss"],
        "first_loss_roomy": roomy.counts["first_loss"],
    }


def started(bench: Bench, config: TrainingConfig, name: str, megabytes: int = 0) -> tuple[subprocess.Popen[str], Path]:
    """A training in a store of its own."""
    store = bench.store / name
    store.mkdir(exist_ok=True)
    job = {
        "base": bench.base.model_dump(),
        "data": bench.data.model_dump(),
        "prompt": COLUMNS.model_dump(),
        "training": config.model_dump(mode="json"),
        "dtype": DTYPE,
        "store": str(store),
        "megabytes": megabytes,
    }
    file = store / "job.json"
    file.write_text(json.dumps(job))
    command = [sys.executable, "-m", "benchmarks.training.driver", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return process, file.with_suffix(".out")


def finished(training: tuple[subprocess.Popen[str], Path]) -> StageOutput:
    """Wait for its end.

    Raises:
        RuntimeError: it failed; with its output.
    """
    process, out = training
    told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(told[-3000:])
    return StageOutput.model_validate_json(out.read_text())


def finished_after(bench: Bench, config: TrainingConfig, name: str, kill_at: list[int]) -> StageOutput:
    """Start it, kill it when its log has come to a step, start it again, and so on; then let it end.

    Raises:
        RuntimeError: it ended before it was to be killed.
    """
    log = f"{name}/stages/adapter/*.partial/logs/train.log"
    for step in kill_at:
        process, _ = started(bench, config, name)
        before = sum(_steps(file) for file in bench.store.glob(log))
        first = _resumes_at(bench, name)
        while sum(_steps(file) for file in bench.store.glob(log)) - before < step - first:
            if process.poll() is not None:
                raise RuntimeError(f"ended before step {step}: {process.communicate()[0][-3000:]}")
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        time.sleep(1)  # until the processes it had started are gone, too
    return finished(started(bench, config, name))


def _steps(log: Path) -> int:
    return log.read_text("utf-8", "replace").count("'loss':")


def _resumes_at(bench: Bench, name: str) -> int:
    found = bench.store.glob(f"{name}/stages/adapter/*.partial/checkpoints/checkpoint-*/trainer_state.json")
    return max((int(file.parent.name.split("-")[1]) for file in found), default=0)
