"""The data stage: sources -> rows -> validation -> quarantine -> split -> leakage -> draw -> Parquet files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.data.config import DataConfig
from tasks.data.leakage import drop_leaked, near_duplicates
from tasks.data.sources import check_source, read_rows, source_path
from tasks.data.split import draw, split_by_database
from tasks.sql.config import SqlConfig

GROUPS = ["split", "language", "domain", "complexity"]


def prepare_data(config: DataConfig, sql: SqlConfig, store: Path, progress: Progress = silent) -> StageOutput:
    """Make the rows of a night, or find them in the store.

    Writes train.parquet and eval.parquet (the columns `COLUMNS`), quarantine.parquet (those, `row` in the
    source and `reasons`), leakage.parquet (near duplicates) and summary.json.

    Raises:
        InputError: the source or the split cannot be used.
        StageError: validation failed to run or refused too many rows.
    """
    check_source(config)
    path = source_path(config)
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    inputs = {
        "config": {**config.model_dump(mode="json"), "source": path.name},
        "sql": sql.model_dump(mode="json"),
        "content": content,
    }
    return run_stage(
        store,
        "data",
        inputs=inputs,
        code=["tasks.data", "tasks.sql"],
        build=lambda folder: _build(folder, config, sql, progress),
    )


def _build(folder: Path, config: DataConfig, sql: SqlConfig, progress: Progress) -> Counts:
    # Imported here: Great Expectations takes seconds to load, which a night that reuses its rows can save.
    from tasks.data.validation import count_reasons, validate

    rows = read_rows(config)
    good, quarantined, suite = validate(rows, config, sql, progress)
    train, evaluation = split_by_database(good, config.holdout_db_ids)
    kept, leaked = drop_leaked(train, evaluation)
    leaked_dropped = len(train) - len(kept)
    train, short_train = draw(kept, config.train_rows, config.seed)
    evaluation, short_eval = draw(evaluation, config.eval_rows, config.seed)
    _check_drawn(train, "train_rows", f"{len(kept)} rows, {leaked_dropped} dropped as leaked")
    _check_drawn(evaluation, "eval_rows", f"db_ids {', '.join(config.holdout_db_ids)}")
    near = near_duplicates(train, evaluation, config.near_duplicate_ratio, progress)
    train.to_parquet(folder / "train.parquet", index=False)
    evaluation.to_parquet(folder / "eval.parquet", index=False)
    quarantined.reset_index().to_parquet(folder / "quarantine.parquet", index=False)
    near.to_parquet(folder / "leakage.parquet", index=False)
    counts: Counts = {
        "rows": len(rows),
        "train": len(train),
        "eval": len(evaluation),
        "quarantined": len(quarantined),
        "leaked_dropped": leaked_dropped,
        "near_duplicates": len(near),
    }
    summary = {
        **counts,
        "reasons": count_reasons(quarantined),
        "leaked": leaked,
        "short": [{"split": "train", **s} for s in short_train] + [{"split": "eval", **s} for s in short_eval],
        "by": _groups(train, evaluation),
        "suite": suite,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False), "utf-8")
    return counts


def _check_drawn(rows: pd.DataFrame, key: str, drawn_from: str) -> None:
    if rows.empty:
        raise InputError(f"data.{key}: no row is left after the draw from {drawn_from}; expected at least one")


def _groups(train: pd.DataFrame, evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    both = pd.concat([train.assign(split="train"), evaluation.assign(split="eval")])
    sizes = both.groupby(GROUPS, dropna=False).size().rename("rows").reset_index()
    return [dict(zip(sizes.columns, values, strict=True)) for values in sizes.values.tolist()]
