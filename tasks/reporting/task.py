"""The door of reporting: the HTML pages, Prefect's artifacts, the terminal and the history."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.common.store import StageOutput, write_atomically
from tasks.reporting import tables
from tasks.reporting.config import ReportConfig
from tasks.reporting.history import read_history, remember
from tasks.reporting.html import render_page
from tasks.reporting.leaderboard import make_leaderboard
from tasks.reporting.markdown import leaderboard_markdown, night_markdown, plain, rows_markdown
from tasks.reporting.night import Night, NightRefs, read_night
from tasks.reporting.shown import accuracy_table
from tasks.reporting.terminal import print_leaderboard, print_summary
from tasks.scoring.refs import Entry

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


@task(task_run_name="report", cache_policy=NO_CACHE, persist_result=False)
def report(night: NightRefs, config: ReportConfig, store: str) -> str:
    """Tell the night everywhere; returns the path of its HTML page."""
    read = read_night(night, (datetime.now(UTC) - night.started).total_seconds())
    remember(Path(store), read)
    page = render_page(read, read_history(Path(store)), config.examples)
    reports = Path(store).resolve() / "reports"
    name = re.sub(r"[^\w.-]+", "-", night.run_name)  # a run may be named anything, by hand
    path = reports / f"{night.started:%Y-%m-%dT%H-%M-%S}-{name}.html"
    write_atomically(path, page)
    write_atomically(reports / "latest.html", page)
    _artifacts(read, config, path)
    print_summary(read, str(path))
    get_run_logger().info("%s Report: %s", read.sentence, path)
    return str(path)


@task(task_run_name="show rows", cache_policy=NO_CACHE, persist_result=False)
def show_rows(data: StageOutput) -> None:
    """The artifact `data-composition`: the rows by domain and kind of query, before and after."""
    summary = json.loads(data.file("summary.json").read_text("utf-8"))
    create_markdown_artifact(rows_markdown(summary), key="data-composition", description="Rows read and rows used")


@task(task_run_name="leaderboard", cache_policy=NO_CACHE, persist_result=False)
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
    create_markdown_artifact(text, key="leaderboard", description=plain(board.sentence))
    print_leaderboard(board, str(page))
    get_run_logger().info("%s Leaderboard: %s", board.sentence, page)
    return page


def _artifacts(night: Night, config: ReportConfig, page: Path) -> None:
    create_markdown_artifact(night_markdown(night, str(page)), key="night-report", description=night.sentence)
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
