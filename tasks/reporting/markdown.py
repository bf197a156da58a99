"""The night, and the leaderboard, as the markdown of one Prefect artifact each."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from tasks.reporting import plots, tables
from tasks.reporting.html import Picture, composition_caption, data_uri
from tasks.reporting.leaderboard import Leaderboard, standings_table
from tasks.reporting.night import Night
from tasks.reporting.shown import KOREAN_NOTE, accuracy_table, digits, duration


def night_markdown(night: Night, page: str) -> str:
    """Decision, accuracies and their plot; the rest is on the HTML page, which lies at `page`."""
    plot = data_uri(plots.accuracy(tables.comparison(night.models, "language")))
    notes = [*night.decision.reasons, night.decision.judge_note] if night.decision else []
    notes += [night.refs.outcome] if night.refs.outcome else []
    notes += [KOREAN_NOTE] if night.bundled else []
    parts = [
        f"# {night.sentence}",
        "\n".join(f"- {note}" for note in notes),
        markdown_table(accuracy_table(night, "language")),
        "EX is execution accuracy (with its 95% interval), EM exact match, p the exact McNemar test.",
        f"![Execution accuracy by language]({plot})",
        f"Took {duration(night.seconds)}. The whole report: `{page}`",
    ]
    return "\n\n".join(part for part in parts if part)


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
    """Text that markdown shows as it is, on one line: signs that mean something are written as their numbers."""
    return re.sub(r"[\\`*_~\[\]<>&|#]", lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))


def markdown_table(table: pd.DataFrame) -> str:
    """A frame as a markdown table; bars in its cells are escaped."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
