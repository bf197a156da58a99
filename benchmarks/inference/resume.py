"""10,000 prompts in the process that generates, killed at five moments: memory, and what is answered again.

The model is the bundled one cut to its first two layers, so that this takes minutes; what is kept per prompt, the
files and the caches of a batch are handled as with all thirty.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from benchmarks.inference.work import MAX_NEW_TOKENS, PACKAGES, PROMPT, bench
from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.small_model import two_layers
from benchmarks.training.work import STORE
from tasks.common.process import PROGRESS_MARK
from tasks.common.progress import throttled
from tasks.inference.child import ANSWERS

KILLS = 5


def run(quick: bool) -> Part:
    """Over all starts: memory of the process, answers filed twice, and whether all prompts have one."""
    count = 600 if quick else 10_000
    lottery = random.Random(7)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        job = _job(folder, count)
        moments = sorted(lottery.uniform(0.05, 0.95) for _ in range(1 if quick else KILLS))
        memory: list[float] = []
        told: list[str] = []
        for share in [*moments, 2.0]:
            memory += _started(job, folder / ANSWERS, round(share * count), told)
        keys = [json.loads(line)["key"] for line in (folder / ANSWERS).read_text("utf-8").splitlines()]
        answers = pd.read_parquet(folder / "predictions.parquet")
    # The process holds its libraries and the model first; then its memory is measured from batch to batch.
    tenth = len(memory) // 10 or 1
    early, late = max(memory[tenth : 3 * tenth]), max(memory[-2 * tenth :])
    figures: dict[str, float | int | str | None] = {
        "prompts": count,
        "kills": len(moments),
        "answers": len(answers),
        "answered_again": len(keys) - len(set(keys)),
        "peak_mb": round(max(memory)),
        "peak_mb_early": round(early),
        "peak_mb_late": round(late),
        "told": told[-2] if len(told) > 1 else "",
    }
    show("Killed and resumed", [figures])
    return Part(figures, (*PACKAGES, "psutil"))


def _job(folder: Path, count: int) -> Path:
    """The job of a process that answers `count` prompts with the first two layers of the bundled model."""
    rows = pd.read_parquet(bench().data.file("train.parquet"))
    many = pd.concat([rows] * (count // len(rows) + 1), ignore_index=True).head(count)
    many["question"] += [f" ({i})" for i in range(count)]
    many["example_id"] = [f"{i:016x}" for i in range(count)]
    many.to_parquet(folder / "rows.parquet")
    job: dict[str, Any] = {
        "model": two_layers(STORE).path, "base": None, "rows": str(folder / "rows.parquet"), "folder": str(folder),
        "prompt": PROMPT.model_dump(), "engine": "transformers", "dtype": "float32", "quantization": "none",
        "batch_size": 56, "max_new_tokens": MAX_NEW_TOKENS // 4,
    }  # fmt: skip
    file = folder / "job.json"
    file.write_text(json.dumps(job))
    return file


def _started(job: Path, filed: Path, kill_at: int, told: list[str]) -> list[float]:
    """Run the process until so many answers are filed, or to its end; its memory (MB) at every progress line."""
    memory: list[float] = []
    progress = throttled(lambda line, percent: told.append(line), every_s=5.0)
    command = [sys.executable, "-m", "tasks.inference.child", str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        process = psutil.Process(child.pid)
        assert child.stdout is not None
        for line in child.stdout:
            if not line.startswith(PROGRESS_MARK):
                continue
            done, total, what = json.loads(line.removeprefix(PROGRESS_MARK))
            progress(done, total, what)
            memory.append(process.memory_info().rss / 1e6)
            if done >= kill_at:
                os.kill(child.pid, signal.SIGKILL)
        child.wait()
    if child.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process ended with {child.returncode}")
    print(f"{filed.read_text('utf-8').count(chr(10))} answers filed, {max(memory):.0f} MB, {told[-1]}", flush=True)
    return memory
