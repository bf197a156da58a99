"""How the nights went, as PNG bytes: accuracy by language, time by stage, dollars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from tasks.reporting.history import History
from tasks.reporting.plots import DOTS, LIGHT, WIDTH, Dress, around, canvas, grid, latin, legend, plain, png
from tasks.reporting.shown import dollars

MOST_NIGHTS = 60  # drawn
MOST_BARS = 20  # nights whose intervals are drawn as bars; those of more are a band
MOST_PANELS = 6  # languages, all of them together being one
GREEN, RED = "#2e9e5b", "#d05a5a"
PARTS = {
    "data, base model": ("#97a3b3", ("data", "data_changes", "base_model")),
    "training": ("#2f6fde", ("adapter",)),
    "merge, parity": ("#7fb2f0", ("merged_model", "parity")),
    "answering": ("#2e9e5b", ("predictions",)),
    "scoring": ("#c98a1b", ("scores", "decision")),
    "judging": ("#9a6fd0", ("verdicts",)),
}
WHOLE = "whole night"
UNITS = ((2 * 3600, 3600, "hours"), (120, 60, "minutes"), (0, 1, "seconds"))  # from so many seconds on
ROLES = (("champion", -0.08), ("challenger", 0.08))


def accuracy(history: History, dress: Dress = LIGHT) -> bytes:
    """Execution accuracy with its 95% interval, night by night, a panel for each language.

    A ring marks a promotion, a cross on the axis a night without figures.

    Args:
        history: the nights to draw, at least one of them with figures.
        dress: colours.
    """
    groups = list(history.accuracy["group"].unique())[:MOST_PANELS]
    across = min(len(groups), 3)
    down = -(-len(groups) // across)
    figure = Figure(figsize=(WIDTH, 0.5 + 2.4 * down), dpi=DOTS, facecolor=dress.paper, layout="constrained")
    panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for axes, group, title in zip(panels, groups, latin(groups, "language"), strict=False):
        _panel(axes, history, group, dress)
        axes.set_title(title, color=dress.ink, fontsize=10, loc="left")
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    panels[0].set_ylim(-0.03, 1.03)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    lines: dict[str, Artist] = {}
    for axes in panels:
        handles, names = axes.get_legend_handles_labels()
        lines |= dict(zip(names, handles, strict=True))
    told = [name for name in ("champion", "challenger", "promoted", "no figures") if name in lines]
    figure.legend(
        [lines[name] for name in told], told, loc="outside upper right", ncols=4, frameon=False,
        labelcolor=dress.ink, fontsize=9,
    )  # fmt: skip
    return png(figure)


def _panel(axes: Axes, history: History, group: str, dress: Dress) -> None:
    plain(axes, dress)
    part = history.accuracy[history.accuracy["group"] == group].set_index("night")
    for role, shift in ROLES:
        shares = part[[f"ex{end}_{role}" for end in ("", "_low", "_high")]].dropna()
        if len(shares):
            share, low, high = shares.to_numpy().T
            x, colour = shares.index + shift, dress.colours[role]
            if len(history.nights) > MOST_BARS:
                axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
                axes.plot(x, share, "o-", markersize=2.5, linewidth=1.2, color=colour, label=role)
            else:
                style: dict[str, Any] = {"fmt": "o-", "markersize": 4, "linewidth": 1.2, "elinewidth": 1}
                axes.errorbar(x, share, around(share, low, high), color=colour, label=role, **style)
    promoted = part[part.index.isin(history.nights.index[history.nights["decision"] == "promote"])]
    if len(promoted):
        axes.plot(
            promoted.index + ROLES[1][1], promoted["ex_challenger"], "o", markersize=10, markerfacecolor="none",
            markeredgecolor=GREEN, markeredgewidth=1.7, label="promoted",
        )  # fmt: skip
    without = history.nights.index.difference(list(history.accuracy["night"]))
    if len(without):
        axes.plot(without, np.zeros(len(without)), "x", markersize=6, color=RED, clip_on=False, label="no figures")
    _nights(axes, history.nights, 4, dress)


def duration(history: History, dress: Dress = LIGHT) -> bytes:
    """Seconds of what each night made, a bar with a colour for each part, and how long the whole night took.

    Args:
        history: the nights to draw.
        dress: colours.
    """
    nights = history.nights
    figure, axes = canvas(3.0, dress)
    longest = max(float(nights["seconds"].max()), 1.0)
    per, unit = next((per, unit) for least, per, unit in UNITS if longest >= least)
    bottom = np.zeros(len(nights))
    for name, (colour, stages) in PARTS.items():
        took = np.array([sum(one.get(stage, 0.0) for stage in stages) for one in nights["stages"]]) / per
        if took.any():
            axes.bar(nights.index, took, 0.7, bottom=bottom, color=colour, label=name)
            bottom += took
    wide = min(16, 280 / len(nights))
    whole: dict[str, Any] = {"markersize": wide, "markeredgewidth": 1.8, "color": dress.ink, "label": WHOLE}
    axes.plot(nights.index, nights["seconds"] / per, "_", **whole)
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    _nights(axes, nights, 10, dress)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    parts = sorted(axes.get_legend_handles_labels()[1], key=[*PARTS, WHOLE].index)
    legend(axes, parts, dress, across=4)
    return png(figure)


def cost(history: History, dress: Dress = LIGHT) -> bytes:
    """Dollars paid to the judge, night by night; arguments as `duration`."""
    nights = history.nights
    figure, axes = canvas(1.9, dress)
    most = max(float(nights["usd"].max()), 1e-6)
    bars = axes.bar(nights.index, nights["usd"], 0.7, color=dress.colours["challenger"])
    if len(nights) <= 14:
        axes.bar_label(bars, [dollars(usd) if usd else "" for usd in nights["usd"]], color=dress.ink, fontsize=8)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda usd, _: dollars(usd) if usd else "$0"))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylabel("dollars")
    axes.set_ylim(0, 1.2 * most)
    _nights(axes, nights, 10, dress)
    return png(figure)


def _nights(axes: Axes, nights: pd.DataFrame, most: int, dress: Dress) -> None:
    """The axis of the nights, with at most `most` dates on it; two nights of a day are told by their time."""
    every = max(1, -(-len(nights) // most))
    same_day = nights["time"].dt.date.duplicated().any()
    days = nights["time"].dt.strftime("%m-%d\n%H:%M" if same_day else "%m-%d")
    axes.set_xticks(nights.index[::every], days[::every])
    axes.set_xlim(-0.6, len(nights) - 0.4)
    grid(axes, "y", dress)
