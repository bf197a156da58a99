"""The leaderboard of `compare_models`: figures, plots and the HTML page of any number of systems on the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.store import write_atomically
from tasks.reporting import leaderboard_plots as plots
from tasks.reporting.html import Picture, picture, renamed, render
from tasks.reporting.leaderboard_words import plain_words, sentence
from tasks.reporting.shown import digits, percent, percent_with_interval, points, short_p
from tasks.scoring import leaderboard as scoring
from tasks.scoring.refs import Entry

PLAIN_NAMES = {
    "ex": "execution_accuracy",
    "ex_low": "execution_accuracy_low",
    "ex_high": "execution_accuracy_high",
    "em": "exact_match",
    "p_value": "p",
    "p_holm": "p_after_holm",
}


@dataclass(frozen=True)
class Leaderboard:
    """What the page, the artifact and the terminal tell.

    `standings`, `by` (a frame for 'language' and one for 'complexity') and `pairs` are what `scoring.leaderboard`
    returns; `costs` is its `seconds_and_cost` in the order of the standings, with `ex`, `ex_low`, `ex_high` and
    `frontier` (whether no entry is both cheaper and as accurate). `about` tells what each entry is.
    """

    about: dict[str, dict[str, str]]
    standings: pd.DataFrame
    by: dict[str, pd.DataFrame]
    pairs: pd.DataFrame
    costs: pd.DataFrame
    failed: Mapping[str, str]
    usd_per_hour: float

    @property
    def sentence(self) -> str:
        """Who is ahead, and whether that is more than chance."""
        return sentence(self.standings, self.pairs)

    @property
    def words(self) -> list[str]:
        """Who is shown to be better than whom."""
        return plain_words(self.standings, self.pairs)


def make_leaderboard(
    entries: Sequence[Entry], failed: Mapping[str, str], usd_per_hour: float, folder: Path
) -> tuple[Leaderboard, dict[str, Picture]]:
    """Write leaderboard.html (with nothing outside it), leaderboard.json (every figure) and the plots as PNG files.

    Args:
        entries: what was scored, in any order.
        failed: what was not, by name, and why.
        usd_per_hour: price of the machine that local models run on.
        folder: where the files go.

    Returns:
        The leaderboard, and its plots by the names of their files: 'accuracy', 'cost' where a price is known, and
        'gains' where there are two entries.

    Raises:
        InputError: no entry, two of one name, or one that was scored on other rows than most.
    """
    board = read_leaderboard(entries, failed, usd_per_hour)
    pictures = draw(board)
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in pictures.items():
        (folder / f"{name}.png").write_bytes(drawn.png)
    figures = json.dumps(to_json(board), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "leaderboard.json", figures)
    page = render(
        "leaderboard.html",
        board=board,
        pictures=pictures,
        standings=standings_table(board),
        by={by: groups_table(table) for by, table in board.by.items()},
        costs=costs_table(board),
        pairs=pairs_table(board),
        about=about_table(board),
        level=scoring.LEVEL,
    )
    write_atomically(folder / "leaderboard.html", page)
    return board, pictures


def read_leaderboard(entries: Sequence[Entry], failed: Mapping[str, str], usd_per_hour: float) -> Leaderboard:
    """Read the scores and count; arguments and errors as `make_leaderboard`."""
    scores = scoring.read_scores(entries)
    standings = scoring.standings(scores)
    costs = standings[["name", "ex", "ex_low", "ex_high"]].merge(
        scoring.seconds_and_cost(entries, usd_per_hour), on="name", validate="1:1"
    )
    about = {entry.name: entry.about for entry in entries}
    return Leaderboard(
        about={name: about[name] for name in standings["name"]},
        standings=standings,
        by={by: scoring.standings_by(scores, by) for by in ("language", "complexity")},
        pairs=scoring.pairs(scores),
        costs=costs.assign(frontier=costs["name"].isin(scoring.frontier(costs))),
        failed=failed,
        usd_per_hour=usd_per_hour,
    )


def draw(board: Leaderboard) -> dict[str, Picture]:
    """The plots that there is something to draw for."""
    names = plots.drawable(board.standings["name"])

    def drawn(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        return table.assign(**{column: table[column].map(names) for column in columns})

    by_language, costs = drawn(board.by["language"], "name"), drawn(board.costs, "name")
    pairs = drawn(board.pairs, "better", "worse")
    key = renamed(names.values(), names)
    pictures = {"accuracy": picture(f"Execution accuracy by language{key}", lambda d: plots.accuracy(by_language, d))}
    priced = costs["ex"].notna() & (costs["usd_per_1000"] > 0)
    if priced.any():
        left_out = ", ".join(board.costs["name"][~priced])
        says = f"Accuracy against cost; dashed: the best accuracy for the money{key}" + (
            f". Not drawn, as they have no price: {left_out}" if left_out else ""
        )
        pictures["cost"] = picture(says, lambda d: plots.cost(costs[priced], d))
    if len(pairs):
        says = f"Points by which the row's entry is ahead of the column's; framed: more than chance{key}"
        pictures["gains"] = picture(says, lambda d: plots.gains(pairs, list(names.values()), d))
    return pictures


def to_json(board: Leaderboard) -> dict[str, Any]:
    """Every figure as plain values, shares from 0 to 1; null for what is not known."""
    figures = board.standings.merge(board.costs.drop(columns=["ex", "ex_low", "ex_high"]), on="name")
    return {
        "sentence": board.sentence,
        "entries": [{**line, "about": board.about[line["name"]]} for line in _lines(figures)],
        "by_language": _lines(board.by["language"]),
        "by_complexity": _lines(board.by["complexity"]),
        "pairs": _lines(board.pairs),
        "failed": dict(board.failed),
        "usd_per_hour": board.usd_per_hour,
    }


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    plain = table.rename(columns=PLAIN_NAMES).astype(object)
    lines = plain.where(plain.notna(), None).to_dict("records")  # NaN is not JSON
    return [{str(name): value for name, value in line.items()} for line in lines]


def standings_table(board: Leaderboard) -> pd.DataFrame:
    """The standings in words, ready to be shown."""
    table = board.standings
    shown = pd.DataFrame({"rank": table["rank"], "entry": table["name"], "rows": table["rows"]})
    shown["EX"] = _with_interval(table)
    shown["EM, %"] = [f"{100 * share:.1f}" for share in table["em"]]
    if table["undecided"].any():
        shown["undecided"] = table["undecided"]
    return shown


def groups_table(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracies by group in words: a line an entry, a column a group with its rows."""
    cells = table.assign(
        group=[f"{group} ({rows})" for group, rows in zip(table["group"], table["rows"], strict=True)],
        told=_with_interval(table),
    )
    wide = cells.pivot(index="name", columns="group", values="told")
    wide = wide.loc[cells["name"].unique(), cells["group"].unique()]
    return wide.rename_axis(columns=None).rename_axis("entry").reset_index()


def costs_table(board: Leaderboard) -> pd.DataFrame:
    """Speed, memory and cost in words; a dash for what is not known."""
    table = board.costs
    shown = pd.DataFrame({"entry": table["name"], "EX": table["ex"].map(percent)})
    for title, figure in (
        ("rows/s", "rows_per_s"), ("tokens/s", "tokens_per_s"), ("first token, s", "first_token_s"),
        ("peak MB", "peak_mb"), ("$ for 1,000", "usd_per_1000"),
    ):  # fmt: skip
        shown[title] = table[figure].map(digits)
    shown["frontier"] = table["frontier"].map({True: "yes", False: ""})
    return shown


def pairs_table(board: Leaderboard) -> pd.DataFrame:
    """The pairs in words, ready to be shown."""
    table = board.pairs
    ends = zip(table["gain"], table["gain_low"], table["gain_high"], strict=True)
    return pd.DataFrame(
        {
            "better": table["better"],
            "worse": table["worse"],
            "rows": table["rows"],
            "gain": [f"{points(gain)} ({points(low)} to {points(high)})" for gain, low, high in ends],
            "newly right/wrong": [
                f"{right} / {wrong}" for right, wrong in zip(table["newly_right"], table["newly_wrong"], strict=True)
            ],
            "p": table["p_value"].map(short_p),
            "p after Holm": table["p_holm"].map(short_p),
            "shown": table["more_than_chance"].map({True: "yes", False: "no"}),
        }
    )


def about_table(board: Leaderboard) -> pd.DataFrame:
    """What each entry is: `entry`, then a column for everything that is told of one."""
    table = pd.DataFrame([{"entry": name, **about} for name, about in board.about.items()])
    return table.fillna("")


def _with_interval(table: pd.DataFrame) -> list[str]:
    shares = zip(table["ex"], table["ex_low"], table["ex_high"], strict=True)
    return [percent_with_interval(*one) for one in shares]
