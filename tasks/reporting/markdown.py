"""The night, and the leaderboard, as the markdown of one Prefect artifact each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd

from tasks.reporting import plots, tables
from tasks.reporting.history import History
from tasks.reporting.html import SHOWN_NIGHTS, Picture, composition_caption, data_uri
from tasks.reporting.leaderboard import Leaderboard, standings_table
from tasks.reporting.night import Night
from tasks.reporting.shown import KOREAN_NOTE, accuracy_table, digits, duration, history_sentence, history_table

LONGEST_ERROR = 300


def night_markdown(night: Night, page: str, url: str | None = None) -> str:
    """Decision, accuracies and their plots; the rest is on the HTML page, which lies at `page`.

    With `url`, the address at which the page's folder is served, it is a link.
    """
    by_language, by_kind = (
        data_uri(plots.accuracy(tables.comparison(night.models, by))) for by in ("language", "complexity")
    )
    link = f"[{Path(page).name}]({url.rstrip('/')}/{Path(page).name}), " if url else ""
    notes = [*night.decision.reasons, night.decision.judge_note] if night.decision else []
    notes += [night.refs.outcome] if night.refs.outcome else []
    notes += [KOREAN_NOTE] if night.bundled else []
    parts = [
        f"# {night.sentence}",
        "\n".join(f"- {note}" for note in notes),
        markdown_table(accuracy_table(night, "language")),
        "EX is execution accuracy (with its 95% interval), EM exact match, p the exact McNemar test.",
        f"![Execution accuracy by language]({by_language})",
        f"![Execution accuracy by kind of query]({by_kind})",
        f"Took {duration(night.seconds)}. The whole report: {link}`{page}`",
    ]
    return "\n\n".join(part for part in parts if part)


def history_markdown(history: History, pictures: Mapping[str, Picture], place: str, runs: str, url: str | None) -> str:
    """How the nights went: trends, and a table of the newest.

    Args:
        history: the nights.
        pictures: what `html.history_pictures` returns.
        place: where the nights' pages lie.
        runs: address of a flow run in the UI, but for its id; '' if there is none.
        url: address at which the pages are served, if they are.
    """
    table = history_table(history, SHOWN_NIGHTS)
    run = [
        f"[{plain(name)}]({runs}{id_})" if runs and id_ else plain(name)
        for name, id_ in zip(table["run"], table["id"], strict=True)
    ]
    night = [
        f"[{when}]({url.rstrip('/')}/{page})" if url and page else when
        for when, page in zip(table["night"], table["report"], strict=True)
    ]
    shown = table.assign(night=night, run=run).drop(columns=["error", "id", "report"])
    failed = table.loc[table["error"] != "", ["run", "error"]].astype(str).to_numpy().tolist()
    parts = [
        f"# {history_sentence(history)}",
        *(f"![{plain(one.says)}]({one.light})\n\n{plain(one.says)}" for one in pictures.values()),
        "" if pictures else "Trends are drawn from the second night on.",
        markdown_table(shown.rename(columns={"night": "night (UTC)"})),
        "\n".join(f"- {plain(name)}: {plain(shorten(error, LONGEST_ERROR))}" for name, error in failed),
        "EX is execution accuracy over all rows (with its 95% interval).",
        f"The reports lie in `{place}`, each under the time and the name of its run.",
    ]
    return "\n\n".join(part for part in parts if part)


def failure_markdown(title: str, error: str, steps: Sequence[str]) -> str:
    """What went wrong, and what to do."""
    return f"# {plain(title)}\n\n{plain(error)}\n\n## What to do\n\n" + "\n".join(
        f"{number}. {step}" for number, step in enumerate(steps, start=1)
    )


def rows_markdown(summary: dict[str, Any]) -> str:
    """What a night's rows are made of, before and after: plots by domain and kind of query."""
    rows = tables.composition(summary)
    parts = [
        f"# {summary['rows']:,} rows read, {summary['train'] + summary['eval']:,} used",
        *(
            f"![{composition_caption(rows, panels)}]({data_uri(plots.composition(rows, panels))})\n\n"
            f"{composition_caption(rows, panels)}"
            for panels in (plots.BEFORE_AND_AFTER, plots.SPLIT)
        ),
    ]
    return "\n\n".join(parts)


def leaderboard_markdown(board: Leaderboard, pictures: dict[str, Picture], page: str) -> str:
    """Who is ahead, the standings, what failed and the plots; the rest is on the HTML page, which lies at `page`."""
    table = standings_table(board).assign(**{"$ for 1,000": board.costs["usd_per_1000"].map(digits)})
    parts = [
        f"# {plain(board.sentence)}",
        "\n".join(f"- {plain(line)}" for line in board.words),
        markdown_table(table.astype(str).map(plain)),
        "EX is execution accuracy (with its 95% interval), EM exact match; more than chance: exact McNemar test, Holm.",
        "\n".join(f"- {plain(name)} failed: {plain(reason)}" for name, reason in board.failed.items()),
        *(f"![{plain(one.says)}]({one.light})\n\n{plain(one.says)}" for one in pictures.values()),
        f"The whole page: `{page}`",
    ]
    return "\n\n".join(part for part in parts if part)


def plain(text: str) -> str:
    """Text that markdown shows as it is, on one line; by backslashes, as Prefect's UI does not decode `&#91;`."""
    return re.sub(r"([\\`*_~\[\]<>&|#])", r"\\\1", " ".join(text.split()))


def markdown_table(table: pd.DataFrame) -> str:
    """A frame as a markdown table; bars in its cells are escaped, where they are not yet."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\|", cell) for cell in line) + " |" for line in lines)
