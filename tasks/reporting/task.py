"""The door of reporting: the HTML pages, Prefect's artifacts, the terminal and the history."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten
from typing import Any
from uuid import UUID

import pandas as pd
from prefect import Flow, get_client, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.logging.loggers import flow_run_logger
from prefect.settings import PREFECT_UI_URL
from pydantic import BaseModel

from tasks.common.store import StageOutput, write_atomically
from tasks.common.task import named_task
from tasks.reporting import tables
from tasks.reporting.config import ReportConfig
from tasks.reporting.failures import error_of, what_to_do
from tasks.reporting.history import History, read_history, remember, remember_failure
from tasks.reporting.html import Picture, history_pictures, render_page
from tasks.reporting.leaderboard import make_leaderboard
from tasks.reporting.markdown import (
    failure_markdown,
    history_markdown,
    leaderboard_markdown,
    night_markdown,
    rows_markdown,
)
from tasks.reporting.night import Night, NightRefs, read_night
from tasks.reporting.shown import accuracy_table, history_sentence
from tasks.reporting.terminal import print_leaderboard, print_summary
from tasks.reporting.tracking import EXPERIMENT, log_to_mlflow
from tasks.scoring.refs import Entry

DEFAULT_STORE = ".nightly"
SHOWN_OF_EXAMPLES = (
    "language",
    "question",
    "gold",
    "champion",
    "challenger",
    "outcome",
    "reason",
    "verdict",
    "rationale",
)


@named_task("report")
def report(night: NightRefs, config: ReportConfig, store: str) -> str:
    """Tell the night everywhere; returns the path of its HTML page."""
    read = read_night(night, (datetime.now(UTC) - night.started).total_seconds())
    reports = Path(store).resolve() / "reports"
    name = re.sub(r"[^\w.-]+", "-", night.run_name)  # a run may be named anything, by hand
    path = reports / f"{night.started:%Y-%m-%dT%H-%M-%S}-{name}.html"
    run_id = runtime.flow_run.get_id() or ""
    remember(Path(store), read, run_id, runtime.flow_run.get_flow_name() or "", path.name)
    history = read_history(Path(store))
    pictures = history_pictures(history)
    page = render_page(read, history, pictures, config.examples)
    write_atomically(path, page)
    write_atomically(reports / "latest.html", page)
    run = UUID(run_id) if run_id else None
    _create("night-report", night_markdown(read, str(path), config.url), read.sentence, run)
    _artifacts(read, config)
    text = _history(history, pictures, Path(store), config.url)
    _create("history", text, history_sentence(history), run)
    print_summary(read, str(path))
    get_run_logger().info("%s Report: %s", read.sentence, path)
    if config.mlflow:
        _track(config.mlflow, read, path, run_id)
    return str(path)


def _track(uri: str, night: Night, page: Path, run_id: str) -> None:
    try:
        logged = log_to_mlflow(uri, night, page, run_id)
    except Exception as error:  # the night is over and told: whatever MLflow suffers from, it is no failure of it
        get_run_logger().warning("report.mlflow: the night is not in MLflow (%s): %s", uri, error)
    else:
        get_run_logger().info("In MLflow (%s): run %s of %s", uri, logged, EXPERIMENT)


def tell_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """The hook of a flow that failed, crashed or was cancelled: history, and the artifact `failure` with what to do.

    Runs in the flow's process or, when that is dead, in the worker's.
    """
    decision = {StateType.CRASHED: "crashed", StateType.FAILED: "failed"}.get(state.type, "cancelled")
    kind, error = error_of(state.message or "")
    steps = what_to_do(decision, kind)
    title = f"{flow_run.name} {'was ' if decision == 'cancelled' else ''}{decision}"
    description = shorten(f"{title}: {error}", 300)
    _create("failure", failure_markdown(title, error, steps), description, flow_run.id)
    log = flow_run_logger(flow_run, flow)
    log.error("%s: %s", title, error)
    log.error("What to do: %s", " ".join(steps))
    config = flow_run.parameters.get("config")
    values = config.model_dump() if isinstance(config, BaseModel) else config if isinstance(config, dict) else {}
    store = Path(values.get("store", DEFAULT_STORE))
    started = flow_run.start_time or flow_run.expected_start_time or datetime.now(UTC)
    remember_failure(
        store,
        run_id=str(flow_run.id),
        flow=flow.name,
        run=flow_run.name,
        started=started,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        decision=decision,
        error=error,
    )
    history = read_history(store)
    text = _history(history, history_pictures(history), store, (values.get("report") or {}).get("url"))
    _create("history", text, history_sentence(history), flow_run.id)


def _create(key: str, text: str, description: str, run_id: UUID | None) -> None:
    """An artifact of a flow run, which may be dead; on its page it stands above those of the tasks."""
    made = ArtifactCreate(key=key, type="markdown", description=description, data=text, flow_run_id=run_id)
    with get_client(sync_client=True) as client:
        client.create_artifact(made)


def _history(history: History, pictures: dict[str, Picture], store: Path, url: str | None) -> str:
    ui = PREFECT_UI_URL.value()
    return history_markdown(
        history, pictures, str(store.resolve() / "reports"), f"{ui}/runs/flow-run/" if ui else "", url
    )


@named_task("show rows")
def show_rows(data: StageOutput) -> None:
    """The artifact `data-composition`: the rows by domain and kind of query, before and after."""
    summary = json.loads(data.file("summary.json").read_text("utf-8"))
    create_markdown_artifact(rows_markdown(summary), key="data-composition", description="Rows read and rows used")


@named_task("leaderboard")
def leaderboard(entries: Sequence[Entry], failed: Mapping[str, str], usd_per_hour: float, store: str) -> Path:
    """Rank systems that answered the same rows, and tell it everywhere; returns the path of its HTML page.

    Args:
        entries: what was scored, in any order.
        failed: what was not, by name, and why.
        usd_per_hour: price of the machine that local models run on.
        store: root folder; the page lies in reports/leaderboard-KEY/, where the same entries have the same key.

    Raises:
        InputError: no entry, two of one name, or one that was scored on other rows than most.
    """
    compared = {entry.name: [entry.about, entry.predictions.key, entry.scores.key] for entry in entries}
    described = json.dumps([compared, dict(failed), usd_per_hour], sort_keys=True)
    key = hashlib.sha256(described.encode()).hexdigest()[:12]
    folder = Path(store).resolve() / "reports" / f"leaderboard-{key}"
    board, pictures = make_leaderboard(entries, failed, usd_per_hour, folder)
    page = folder / "leaderboard.html"
    text = leaderboard_markdown(board, pictures, str(page))
    create_markdown_artifact(text, key="leaderboard", description=board.sentence)
    print_leaderboard(board, str(page))
    get_run_logger().info("%s Leaderboard: %s", board.sentence, page)
    return page


def _artifacts(night: Night, config: ReportConfig) -> None:
    kinds = accuracy_table(night, "complexity").drop(index=0).rename(columns={"kind of query": "group"})
    languages = accuracy_table(night, "language").rename(columns={"language": "group"})
    _table("accuracy", pd.concat([languages, kinds]), "By language, then by kind of query")
    sorts = tables.examples(night, config.examples)
    examples = pd.concat([rows.assign(sort=title) for title, rows in sorts.items()])
    columns = ["sort", *(name for name in SHOWN_OF_EXAMPLES if name in examples)]
    _table("examples", examples[columns], "Answers worth reading")
    _table("stages", tables.stages(night.refs), "What was made tonight and what was reused")


def _table(key: str, table: pd.DataFrame, description: str) -> None:
    lines = [{str(name): cell for name, cell in line.items()} for line in table.fillna("").to_dict("records")]
    create_table_artifact(lines, key=key, description=description)
