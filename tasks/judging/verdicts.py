"""The stage `verdicts`: the drawn rows joined with a model's predictions, judged and written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS, Counts, StageOutput, run_stage
from tasks.judging.canaries import canary_rows, take_canaries
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import parameters
from tasks.judging.exports import write_exports
from tasks.judging.judge import COLUMNS, draw, judge_rows, pending
from tasks.judging.local_server import serve_model
from tasks.judging.votes import vote
from tasks.llm.asking import RunChunk, run_once
from tasks.llm.endpoint import Endpoint

JOURNAL = Path("judging", "journal.jsonl")
STAGE = "verdicts"


def make_verdicts(
    data: StageOutput,
    predictions: StageOutput,
    scores: StageOutput,
    config: JudgingConfig,
    endpoint: Endpoint,
    store: Path,
    progress: Progress = silent,
    run_chunk: RunChunk = run_once,
) -> StageOutput:
    """Judge `config.rows` predictions and keep the verdicts in the store.

    A table with rows that got no answer ('error') is stored too, but under a key that says so: the next run
    finds no finished output, asks for what is missing alone (the journal knows the rest) and completes it.

    With `config.votes` above 1 the rows on which `scores` (scores.parquet) disagrees are asked about again.

    Returns:
        Stage `verdicts`: verdicts.parquet [example_id, verdict, votes, rationale, prompt_tokens,
        completion_tokens], and exports/ (see `write_exports`).

    Raises:
        InputError: a drawn row has no prediction, or the judge refuses us for good (see `judge_rows`).
        StageError: the judge's account is empty, or the local judge does not start.
    """
    inputs = {
        "data": data.sha256,
        "predictions": predictions.sha256,
        "config": config.model_dump(mode="json", include={"rows", "seed", "canaries"}),
        "judge": [endpoint.identity, parameters(endpoint)],
        "votes": [config.votes, scores.sha256] if config.votes > 1 else [1],
    }
    code = ["tasks.judging", "tasks.llm"]

    def build(folder: Path) -> Counts:
        rows = _rows(data, predictions, config)
        journal = store / JOURNAL
        asked = pd.concat([rows, canary_rows()], ignore_index=True) if config.canaries and len(rows) else rows
        # A server of our own may have to answer votes too, and which those are is seen only then.
        needed = endpoint.local and pending(asked, endpoint, journal) + (config.votes - 1) * len(rows) > 0
        with _server(endpoint, folder) if needed else nullcontext(endpoint) as ready:

            def ask(some: pd.DataFrame, nth: int = 0) -> pd.DataFrame:
                return judge_rows(some, config, journal, ready, progress, run_chunk, nth)

            table = ask(asked)
            table["votes"] = table["verdict"]
            if config.votes > 1:
                table = vote(rows, table, pd.read_parquet(scores.file("scores.parquet")), config.votes, ask)
        if (table["verdict"] == "error").any():
            raise _IncompleteError(rows, table)
        return _write(rows, table, folder, endpoint)

    try:
        return run_stage(store, STAGE, inputs=inputs, code=code, build=build)
    except _IncompleteError as incomplete:
        rows, table = incomplete.rows, incomplete.table
    unanswered = sorted(table.loc[table["verdict"] == "error", "example_id"])
    inputs = {**inputs, "unanswered": unanswered}
    return run_stage(store, STAGE, inputs=inputs, code=code, build=lambda to: _write(rows, table, to, endpoint))


class _IncompleteError(Exception):
    def __init__(self, rows: pd.DataFrame, table: pd.DataFrame) -> None:
        super().__init__("rows without an answer")
        self.rows = rows
        self.table = table


def _rows(data: StageOutput, predictions: StageOutput, config: JudgingConfig) -> pd.DataFrame:
    rows = draw(pd.read_parquet(data.file("eval.parquet")), config.rows, config.seed)
    file = predictions.file("predictions.parquet")
    generated = pd.read_parquet(file, columns=["example_id", "sql"])
    joined = rows.rename(columns={"answer": "gold"}).merge(
        generated.drop_duplicates("example_id"), on="example_id", how="left", validate="one_to_one"
    )
    without = joined.loc[joined["sql"].isna(), "example_id"]
    if len(without):
        raise InputError(f"{file}: no prediction for {len(without)} rows to judge, the first {without.iloc[0]}")
    return joined


@contextmanager
def _server(endpoint: Endpoint, folder: Path) -> Iterator[Endpoint]:
    """A local endpoint while its server runs."""
    with serve_model(Path(endpoint.model), folder / LOGS / "local_judge.log") as base_url:
        yield replace(endpoint, base_url=base_url)


def _write(rows: pd.DataFrame, table: pd.DataFrame, folder: Path, endpoint: Endpoint) -> Counts:
    table, fallen = take_canaries(table)
    write_exports(rows, table, endpoint, folder / "exports")
    table[[*COLUMNS, "votes"]].to_parquet(folder / "verdicts.parquet", index=False)
    said = table["verdict"].value_counts()
    paid = table[table["origin"] == "judge"]
    return {
        "judge": endpoint.name,
        "rows": len(table),
        "yes": int(said.get("yes", 0)),
        "no": int(said.get("no", 0)),
        "voted_again": int(table["votes"].str.contains(" ").sum()),
        "unjudged": int(said.get("unjudged", 0)),
        "errors": int(said.get("error", 0)),
        "canaries_failed": ", ".join(fallen),
        "asked": len(paid),
        "from_journal": int((table["origin"] == "journal").sum()),
        "usd": table.attrs["usd"],
        "estimated_usd": table.attrs["estimated_usd"],
        "prompt_tokens": int(paid["prompt_tokens"].sum()),
        "completion_tokens": int(paid["completion_tokens"].sum()),
    }
