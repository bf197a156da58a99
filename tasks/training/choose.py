"""Of the checkpoints with the lowest losses, the one whose SQL is right most often."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tasks.common.store import LOGS, Counts, StageOutput, hash_folder, run_stage

CANDIDATES = "candidates"  # folder of an adapter's other checkpoints


def candidates(adapter: StageOutput) -> list[StageOutput]:
    """The checkpoints of `adapter` with the lowest losses on the rows held back, lowest first."""
    training = json.loads(adapter.file("training.json").read_text("utf-8"))
    found = []
    for one in training["candidates"]:
        folder = adapter.file(CANDIDATES) / f"step-{one['step']}"
        found.append(
            StageOutput(
                stage="candidate",
                key=f"step {one['step']}",
                path=str(folder),
                sha256=hash_folder(folder),
                counts={**adapter.counts, **one},
                seconds=0,
            )
        )
    return found


def choose(adapter: StageOutput, tried: list[tuple[StageOutput, float]], store: Path) -> StageOutput:
    """The candidate with the highest execution accuracy on the rows held back, as an adapter of its own.

    Args:
        adapter: what fine-tuning made.
        tried: its candidates, lowest loss first, and the share of rows that each answered right; of equal
            ones the first is taken.
        store: where it is kept.
    """
    best, share = max(tried, key=lambda one: one[1])

    def build(folder: Path) -> Counts:
        shutil.copytree(best.path, folder, dirs_exist_ok=True)
        shutil.copytree(adapter.file(LOGS), folder / LOGS)
        return {**best.counts, "ex_held_back": share}

    inputs = {"of": adapter.sha256, "tried": [[one.sha256, right] for one, right in tried]}
    return run_stage(store, "adapter", inputs=inputs, code=["tasks.training.choose"], build=build)
