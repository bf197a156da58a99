"""The report's plots, as PNG bytes, each in a light and a dark dress.

Labels are English: the fonts at hand may lack Hangul, and an empty box says less than 'domain 3'.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image  # comes with matplotlib


@dataclass(frozen=True)
class Dress:
    """Colours of a plot."""

    paper: str
    ink: str
    faint: str
    colours: dict[str, str]
    ramp: str


LIGHT = Dress("#ffffff", "#27313d", "#dfe4ea", {"champion": "#97a3b3", "challenger": "#2f6fde"}, "Blues")
DARK = Dress("#171b21", "#d5dbe3", "#343c47", {"champion": "#78869a", "challenger": "#5b9bff"}, "Blues_r")
WIDTH = 8.2  # inches
DOTS = 120  # an inch
MOST_DOMAINS = 12
OTHERS = "all others"

Panels = Sequence[tuple[str, Sequence[str]]]
BEFORE_AND_AFTER: Panels = (("rows read", ["read"]), ("rows used", ["train", "eval"]))
SPLIT: Panels = (("training rows", ["train"]), ("evaluation rows", ["eval"]))


def accuracy(table: pd.DataFrame, dress: Dress = LIGHT) -> bytes:
    """Execution accuracy of each group with its 95% interval, champion beside challenger.

    Args:
        table: what `tables.comparison` returns.
        dress: colours.
    """
    roles = [role for role in ("champion", "challenger") if f"ex_{role}" in table]
    height = 0.8 / len(roles)
    figure, axes = _canvas(0.9 + (0.22 + 0.2 * len(roles)) * len(table), dress)
    places = np.arange(len(table))
    for number, role in enumerate(roles):
        share, low, high = (table[f"ex{end}_{role}"].fillna(0).to_numpy() for end in ("", "_low", "_high"))
        y = places + (number - (len(roles) - 1) / 2) * height
        axes.barh(y, share, height * 0.9, color=dress.colours[role], label=role)
        axes.errorbar(
            share,
            y,
            xerr=np.clip([share - low, high - share], 0, None),  # a Wilson end may miss 0 or 1 by an ulp
            fmt="none",
            ecolor=dress.ink,
            elinewidth=1,
            capsize=2.5,
        )
        for x, at, value in zip(high, y, table[f"ex_{role}"], strict=True):
            text = "–" if np.isnan(value) else f"{value:.0%}"
            axes.text(x + 0.015, at, text, va="center", color=dress.ink, fontsize=9)
    labels = latin(table["group"], "group")
    axes.set_yticks(places, [f"{group}  (n = {rows})" for group, rows in zip(labels, table["rows"], strict=True)])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("execution accuracy, with 95% Wilson interval")
    _grid(axes, "x", dress)
    if len(roles) > 1:
        _legend(axes, dress)
    return _png(figure)


def loss(losses: Sequence[tuple[int, float]], dress: Dress = LIGHT) -> bytes:
    """Training loss by optimizer step; with many points a moving average lies over them."""
    figure, axes = _canvas(2.6, dress)
    steps, values = (np.array(column, dtype=float) for column in zip(*losses, strict=True))
    window = len(values) // 20
    smooth = window >= 2
    axes.plot(steps, values, color=dress.colours["challenger"], alpha=0.35 if smooth else 1, linewidth=1.5)
    if smooth:
        mean = pd.Series(values).rolling(window, center=True, min_periods=1).mean()
        axes.plot(steps, mean, color=dress.colours["challenger"], linewidth=2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _grid(axes, "y", dress)
    return _png(figure)


def composition(rows: pd.DataFrame, panels: Panels, dress: Dress = LIGHT) -> bytes:
    """Rows by domain and kind of query, two parts of them side by side.

    Args:
        rows: what `tables.composition` returns.
        panels: titles and the splits that each part counts together.
        dress: colours.
    """
    rows = shown(rows, panels)
    order = domain_order(rows)
    domain = rows["domain"].where(rows["domain"].isin(order), OTHERS)
    kinds = list(rows.groupby("complexity")["rows"].sum().sort_values(ascending=False).index)
    figure = Figure(figsize=(WIDTH, 1.8 + 0.3 * len(order)), dpi=DOTS, facecolor=dress.paper, layout="constrained")
    sides: list[Axes] = list(figure.subplots(1, 2, sharey=True))
    for axes, (title, splits) in zip(sides, panels, strict=True):
        part = rows.assign(domain=domain)[rows["split"].isin(splits)]
        grid = part.pivot_table(index="domain", columns="complexity", values="rows", aggfunc="sum", fill_value=0)
        cells = grid.reindex(index=order, columns=kinds, fill_value=0).to_numpy()
        _heat(axes, cells, dress)
        axes.set_xticks(range(len(kinds)), latin(kinds, "kind"), rotation=40, ha="right", rotation_mode="anchor")
        axes.set_title(f"{title} ({cells.sum():,})", color=dress.ink, fontsize=10)
        _plain(axes, dress)
        axes.spines[:].set_visible(False)
    sides[0].set_yticks(range(len(order)), latin(order, "domain"))
    return _png(figure)


def shown(rows: pd.DataFrame, panels: Panels) -> pd.DataFrame:
    """The rows that the panels count."""
    return rows[rows["split"].isin([split for _, splits in panels for split in splits])]


def domain_order(rows: pd.DataFrame) -> list[str]:
    """The domains as they are drawn, largest first; the small ones are put together."""
    domains = list(rows.groupby("domain")["rows"].sum().sort_values(ascending=False).index)
    return [*domains[:MOST_DOMAINS], *([OTHERS] if len(domains) > MOST_DOMAINS else [])]


def _heat(axes: Axes, cells: np.ndarray, dress: Dress) -> None:
    ramp = mpl.colormaps[dress.ramp]
    most = max(int(cells.max()), 1)
    # From 0.1 of the ramp on, so that one row is told from none.
    axes.imshow(np.ma.masked_equal(cells, 0), cmap=ramp, vmin=-0.1 * most, vmax=1.25 * most, aspect="auto")
    for (y, x), value in np.ndenumerate(cells):
        if value:
            red, green, blue, _ = ramp((value / most + 0.1) / 1.35)
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.55
            axes.text(x, y, _short(value), ha="center", va="center", fontsize=8, color="#111" if bright else "#fff")


def _short(count: int) -> str:
    """A count in at most four characters: 9999, 12k."""
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"


def history(nights: pd.DataFrame, dress: Dress = LIGHT) -> bytes:
    """Execution accuracy over all rows, night by night; a ring marks a promotion.

    Args:
        nights: what `history.read_history` returns.
        dress: colours.
    """
    table = nights[nights["group"] == "all"].tail(60).reset_index(drop=True)
    figure, axes = _canvas(2.8, dress)
    for shift, role in ((-0.06, "champion"), (0.06, "challenger")):
        part = table[table[f"ex_{role}"].notna()]
        share, low, high = (part[f"ex{end}_{role}"].to_numpy() for end in ("", "_low", "_high"))
        axes.errorbar(
            part.index + shift,
            share,
            yerr=np.clip([share - low, high - share], 0, None),
            fmt="o-",
            markersize=5,
            linewidth=1.3,
            elinewidth=1,
            color=dress.colours[role],
            label=role,
        )
    promoted = table[table["decision"] == "promote"]
    axes.plot(
        promoted.index + 0.06,
        promoted["ex_challenger"],
        "o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor="#2e9e5b",
        markeredgewidth=1.8,
        label="promoted",
    )
    every = max(1, -(-len(table) // 8))
    days = pd.to_datetime(table["time"]).dt.strftime("%m-%d\n%H:%M")
    axes.set_xticks(table.index[::every], days[::every])
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("execution accuracy")
    _grid(axes, "y", dress)
    _legend(axes, dress)
    return _png(figure)


def latin(labels: Sequence[str] | pd.Series, what: str) -> list[str]:
    """Labels that every font can draw: one in another script becomes `what` and its number."""
    drawn = []
    for number, label in enumerate(labels, start=1):
        text = label if label.isascii() else f"{what} {number}"
        drawn.append(text if len(text) <= 28 else f"{text[:27]}…")
    return drawn


def _canvas(height: float, dress: Dress) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor=dress.paper, layout="constrained")
    axes = figure.subplots()
    _plain(axes, dress)
    return figure, axes


def _plain(axes: Axes, dress: Dress) -> None:
    axes.set_facecolor(dress.paper)
    axes.tick_params(colors=dress.ink, labelsize=9, length=0)
    axes.xaxis.label.set(color=dress.ink, fontsize=9)
    axes.yaxis.label.set(color=dress.ink, fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(dress.faint)


def _grid(axes: Axes, axis: str, dress: Dress) -> None:
    axes.grid(axis=axis, color=dress.faint, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def _legend(axes: Axes, dress: Dress) -> None:
    lines, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda n: ("champion", "challenger", "promoted").index(labels[n]))
    axes.legend(
        [lines[n] for n in order],
        [labels[n] for n in order],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        frameon=False,
        labelcolor=dress.ink,
        fontsize=9,
        borderaxespad=0.2,
    )


def _png(figure: Figure) -> bytes:
    """A PNG of 64 colours: a third of the size, and a plot has no more."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(64).save(small, format="png", optimize=True)
    return small.getvalue()
