"""Training rows held back, by which the best checkpoint is picked: the evaluation rows stay unseen until the end."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.data.split import draw


def hold_back(data: StageOutput, count: int, seed: int, store: Path) -> StageOutput:
    """Take `count` of the training rows out, drawn evenly over languages, domains and kinds.

    Returns:
        Rows in the form of the data stage: `train.parquet` without them, and they as `eval.parquet`.

    Raises:
        InputError: that would be half of the training rows or more.
    """

    def build(folder: Path) -> Counts:
        rows = pd.read_parquet(data.file("train.parquet"))
        if 2 * count > len(rows):
            raise InputError(
                f"training.validation_rows: {count} of the {len(rows)} training rows; expected half of them at most"
            )
        evenly, _ = draw(rows, None, seed)
        held_back = rows["example_id"].isin(evenly["example_id"].head(count))
        rows[~held_back].to_parquet(folder / "train.parquet", index=False)
        rows[held_back].to_parquet(folder / "eval.parquet", index=False)
        return {"train": int((~held_back).sum()), "held_back": int(held_back.sum())}

    inputs = {"data": data.sha256, "rows": count, "seed": seed}
    return run_stage(store, "held_back", inputs=inputs, code=["tasks.data.held_back", "tasks.data.split"], build=build)
