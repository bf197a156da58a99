"""The data stage: sources -> subset -> validation -> quarantine -> split -> leakage -> draw -> Parquet files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, code_version, run_stage
from tasks.data.config import DataConfig
from tasks.data.docs import render_docs
from tasks.data.leakage import NEAR, find_leaks
from tasks.data.quarantine import check_share, count_reasons, summarise
from tasks.data.sources.read import read_texts, source_names, with_kinds
from tasks.data.split import draw, split_by_database
from tasks.data.subset import count_groups, select
from tasks.data.versions import manifest
from tasks.sql.config import SqlConfig

CODE = ("tasks.data", "tasks.sql")


def prepare_data(config: DataConfig, sql: SqlConfig, store: Path, progress: Progress = silent) -> StageOutput:
    """Make the rows of a night, or find them in the store.

    Writes train.parquet and eval.parquet (the columns `COLUMNS`), quarantine.parquet (those, `row` in the
    source and `reasons`), leakage.parquet (what is shared across the split), validation.html,
    manifest.json (what the rows were made of) and summary.json.

    Raises:
        InputError: the source or the split cannot be used.
        StageError: validation failed to run or refused too many rows.
    """
    rows = read_texts(config)
    inputs = {
        "config": config.model_dump(mode="json", exclude={"sources"}),
        "sql": sql.model_dump(mode="json"),
        "rows": content_hash(rows),
    }
    return run_stage(
        store,
        "data",
        inputs=inputs,
        code=CODE,
        build=lambda folder: _build(folder, rows, config, sql, progress),
    )


def content_hash(rows: pd.DataFrame) -> str:
    """Hash of rows in their order: equal text from another file or format gives the same."""
    told = rows[["example_id", "dialect", "language", "domain", "source"]].fillna("").reset_index()
    digest = hashlib.sha256()
    for cells in told.itertuples(index=False, name=None):
        digest.update(json.dumps(cells).encode())
    return digest.hexdigest()


def _build(folder: Path, rows: pd.DataFrame, config: DataConfig, sql: SqlConfig, progress: Progress) -> Counts:
    # Imported here: Great Expectations takes seconds to load, which a night that reuses its rows can save.
    from tasks.data.suite import suite_of
    from tasks.data.validation import validate

    rows = with_kinds(rows, config.validation.max_answer_chars, progress)
    chosen = select(rows, config.subset)
    good, quarantined, suite = validate(chosen, config, sql, progress)
    quarantined.reset_index().to_parquet(folder / "quarantine.parquet", index=False)
    (folder / "validation.html").write_text(render_docs(chosen, quarantined, suite), "utf-8")
    check_share(chosen, quarantined, config.validation.max_quarantined_share, folder)
    train, evaluation = split_by_database(good, config.holdout_db_ids)
    leaks = find_leaks(train, evaluation, config.leakage, progress)
    kept = train[~train["example_id"].isin(leaks.loc[leaks["dropped"], "train_id"])]
    leaked_dropped = len(train) - len(kept)
    train, short_train = draw(kept, config.train_rows, config.seed)
    evaluation, short_eval = draw(evaluation, config.eval_rows, config.seed)
    _check_drawn(train, "train_rows", f"{len(kept)} rows, {leaked_dropped} dropped as leaked")
    _check_drawn(evaluation, "eval_rows", f"db_ids {', '.join(config.holdout_db_ids)}")
    train.to_parquet(folder / "train.parquet", index=False)
    evaluation.to_parquet(folder / "eval.parquet", index=False)
    leaks.to_parquet(folder / "leakage.parquet", index=False)
    counts: Counts = {
        "rows": len(rows),
        "left_out": len(rows) - len(chosen),
        "train": len(train),
        "eval": len(evaluation),
        "quarantined": len(quarantined),
        "leaked_dropped": leaked_dropped,
        "near_duplicates": int((leaks["shares"] == NEAR).sum()),
    }
    summary = {
        **counts,
        "reasons": count_reasons(quarantined),
        "quarantine": summarise(chosen, quarantined),
        "leaked": leaks["shares"].value_counts().to_dict(),
        "short": [{"split": "train", **s} for s in short_train] + [{"split": "eval", **s} for s in short_eval],
        "before": count_groups(rows, "read"),
        "by": count_groups(train, "train") + count_groups(evaluation, "eval"),
        "suite": suite,
    }
    named = [{"name": name, **source.model_dump(mode="json")} for name, source in source_names(config).items()]
    made_of = manifest(named, rows, train, evaluation, suite_of(config, sql).to_json_dict()["expectations"])
    made_of |= {"counts": counts, "code": code_version(CODE)}
    (folder / "manifest.json").write_text(json.dumps(made_of, indent=2, ensure_ascii=False), "utf-8")
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False), "utf-8")
    return counts


def _check_drawn(rows: pd.DataFrame, key: str, drawn_from: str) -> None:
    if rows.empty:
        raise InputError(f"data.{key}: no row is left after the draw from {drawn_from}; expected at least one")
