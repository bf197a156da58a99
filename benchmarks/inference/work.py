"""What the parts share: a tuned model, its adapter, and held-out rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from benchmarks.training.work import COLUMNS, DTYPE, GAMES, LAPTOP, STORE, Bench
from tasks.common.store import StageOutput
from tasks.models.merge import merged_model

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
PROMPT = COLUMNS
MAX_NEW_TOKENS = LAPTOP.inference.max_new_tokens
BATCH_SIZE = LAPTOP.inference.batch_size


@cache
def bench() -> Bench:
    """The rows of the nightly run on a laptop, and the base model."""
    return Bench(STORE, LAPTOP.data.train_rows or {}, GAMES)


@cache
def adapter() -> StageOutput:
    """An adapter trained as that night trains one; made once."""
    return bench().train("inference", LAPTOP.training)


def tuned_model() -> Path:
    """Folder of the model merged from it."""
    return Path(merged_model(bench().base, adapter(), DTYPE, STORE).path)


def tuned_adapter() -> tuple[Path, Path]:
    """Folders of the base model and of the adapter."""
    return Path(bench().base.path), Path(adapter().path)


def english_rows() -> pd.DataFrame:
    """The held-out English rows: example_id, context, question, answer and more."""
    rows = pd.read_parquet(bench().data.file("eval.parquet"))
    return rows[rows["language"] == "en"].reset_index(drop=True)
