"""The night, and the leaderboard, in the terminal: summaries that fit into 100 columns."""

from __future__ import annotations

from typing import IO

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tasks.reporting.leaderboard import Leaderboard
from tasks.reporting.night import Night
from tasks.reporting.shown import KOREAN_NOTE, digits, duration, percent_with_interval, points, short_p
from tasks.reporting.tables import comparison
from tasks.reporting.tables import stages as stage_table

WIDTH = 100
STYLE = {"promote": "bold green", "hold": "bold yellow", "reject": "bold red"}


def print_summary(night: Night, page: str, file: IO[str] | None = None) -> None:
    """Print the decision, the accuracies, what the judge says, time and stages.

    Args:
        night: the night.
        page: where the HTML page lies.
        file: where to print; the standard output if not given.
    """
    console = Console(file=file, width=WIDTH, highlight=False)
    style = STYLE[night.decision.decision] if night.decision else "bold"
    console.print(Panel(Text(night.sentence, style=style), title=f"text2sql-nightly · {night.refs.run_name}"))
    console.print(_accuracies(night))
    if night.decision:
        for reason in night.decision.reasons[1:]:  # the first repeats the table
            console.print(Text(f"• {reason}"))
        console.print(Text(f"• {night.decision.judge_note}"))
    if night.refs.outcome:
        console.print(Text(f"• {night.refs.outcome}"))
    if night.bundled:
        console.print(Text(f"• {KOREAN_NOTE}", style="dim"))
    stages = stage_table(night.refs)
    reused = int((stages["how"] == "reused").sum())
    console.print(Text(f"{duration(night.seconds)} · {reused} of {len(stages)} stages reused · report: {page}"))


def _accuracies(night: Night) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption="EX: execution accuracy (95% interval) · EM: exact match · p: exact McNemar test",
        caption_justify="left",
    )
    two = night.challenger is not None
    for name in ["language", "rows", *(f"EX {model.role}" for model in night.models)]:
        table.add_column(name, no_wrap=True, justify="left" if name == "language" else "right")
    for name in [*(["gain", "p"] if two else []), "EM, %", "canon. EM, %"]:
        table.add_column(name, no_wrap=True, justify="right")
    for line in comparison(night.models, "language").to_dict("records"):
        cells = [str(line["group"]), str(line["rows"])]
        for model in night.models:
            values = (line[f"ex{end}_{model.role}"] for end in ("", "_low", "_high"))
            cells.append(percent_with_interval(*values))
        if two:
            cells += [points(line["gain"]), short_p(line["p_value"])]
        for measure in ("em", "em_canonical"):
            cells.append(" → ".join(f"{100 * line[f'{measure}_{model.role}']:.1f}" for model in night.models))
        table.add_row(*cells)
    return table


def print_leaderboard(board: Leaderboard, page: str, file: IO[str] | None = None) -> None:
    """Print who is ahead, the standings with speed and cost, and what failed; arguments as `print_summary`."""
    console = Console(file=file, width=WIDTH, highlight=False)
    console.print(Panel(Text(board.sentence, style="bold"), title="text2sql-nightly · leaderboard"))
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        caption="EX: execution accuracy (95% interval) · EM: exact match · $: dollars for 1,000 answers",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True, justify="right")
    table.add_column("entry", overflow="fold")
    for name in ("EX", "EM, %", "rows/s", "$"):
        table.add_column(name, no_wrap=True, justify="right")
    for line in board.standings.merge(board.costs[["name", "rows_per_s", "usd_per_1000"]], on="name").to_dict(
        "records"
    ):
        accuracy = percent_with_interval(line["ex"], line["ex_low"], line["ex_high"])
        cells = [str(line["rank"]), line["name"], accuracy, f"{100 * line['em']:.1f}"]
        table.add_row(*(Text(cell) for cell in (*cells, digits(line["rows_per_s"]), digits(line["usd_per_1000"]))))
    console.print(table)
    for told in (*board.words, *(f"{name} failed: {reason}" for name, reason in board.failed.items())):
        console.print(Text(f"• {told}"))
    console.print(Text(f"leaderboard: {page}"))
