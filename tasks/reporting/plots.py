"""The report's plots, as PNG bytes, each in a light and a dark dress.

Labels are English: the fonts at hand may lack Hangul, and an empty box says less than 'domain 3'.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image  # comes with matplotlib

mpl.rcParams["text.parse_math"] = False  # labels are data: two dollar signs in a name are no formula


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
    shares = {role: table[[f"ex{end}_{role}" for end in ("", "_low", "_high")]].to_numpy() for role in roles}
    labels = latin(table["group"], "group")
    groups = [f"{group}  (n = {rows})" for group, rows in zip(labels, table["rows"], strict=True)]
    return bars(groups, shares, [dress.colours[role] for role in roles], dress)


def bars(groups: Sequence[str], shares: Mapping[str, np.ndarray], colours: Sequence[str], dress: Dress) -> bytes:
    """Execution accuracy of each group with its interval: a bar for each of `shares`.

    Args:
        groups: labels, from top to bottom.
        shares: by label, an array (groups, 3) of the share and the ends of its interval; NaN for no value.
        colours: one for each of `shares`.
        dress: the other colours.
    """
    height = 0.8 / len(shares)
    figure, axes = canvas(0.9 + (0.22 + 0.2 * len(shares)) * len(groups), dress)
    places = np.arange(len(groups))
    for number, ((label, values), colour) in enumerate(zip(shares.items(), colours, strict=True)):
        share, low, high = np.nan_to_num(values).T
        y = places + (number - (len(shares) - 1) / 2) * height
        axes.barh(y, share, height * 0.9, color=colour, label=label)
        axes.errorbar(share, y, xerr=around(share, low, high), fmt="none", ecolor=dress.ink, elinewidth=1, capsize=2.5)
        for x, at, value in zip(high, y, values[:, 0], strict=True):
            text = "–" if np.isnan(value) else f"{value:.0%}"
            axes.text(x + 0.015, at, text, va="center", color=dress.ink, fontsize=9)
    axes.set_yticks(places, groups)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, 1.1)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("execution accuracy, with 95% Wilson interval")
    grid(axes, "x", dress)
    if len(shares) > 1:
        legend(axes, list(shares), dress)
    return png(figure)


def around(share: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far an interval reaches below and above: an array (2, shares)."""
    return np.clip([share - low, high - share], 0, None)  # a Wilson end may miss 0 or 1 by an ulp


def loss(losses: Sequence[tuple[int, float]], dress: Dress = LIGHT) -> bytes:
    """Training loss by optimizer step; with many points a moving average lies over them."""
    figure, axes = canvas(2.6, dress)
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
    grid(axes, "y", dress)
    return png(figure)


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
        counted = part.pivot_table(index="domain", columns="complexity", values="rows", aggfunc="sum", fill_value=0)
        cells = counted.reindex(index=order, columns=kinds, fill_value=0).to_numpy()
        _heat(axes, cells, dress)
        axes.set_xticks(range(len(kinds)), latin(kinds, "kind"), rotation=40, ha="right", rotation_mode="anchor")
        axes.set_title(f"{title} ({cells.sum():,})", color=dress.ink, fontsize=10)
        plain(axes, dress)
        axes.spines[:].set_visible(False)
    sides[0].set_yticks(range(len(order)), latin(order, "domain"))
    return png(figure)


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


def latin(labels: Iterable[str], what: str, longest: int = 28) -> list[str]:
    """Labels that matplotlib's own font can draw, each another: one that is not becomes `what` and its number."""
    signs = get_font(findfont("DejaVu Sans")).get_charmap()
    drawn: list[str] = []
    for number, label in enumerate(labels, start=1):
        text = label if len(label) <= longest else f"{label[: longest - 1]}…"
        drawn.append(text if text not in drawn and all(ord(sign) in signs for sign in text) else f"{what} {number}")
    return drawn


def canvas(height: float, dress: Dress) -> tuple[Figure, Axes]:
    """A figure of the report's width and `height` inches, and its axes."""
    figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor=dress.paper, layout="constrained")
    axes = figure.subplots()
    plain(axes, dress)
    return figure, axes


def plain(axes: Axes, dress: Dress) -> None:
    """Take off what a plot does not need, and give it the dress."""
    axes.set_facecolor(dress.paper)
    axes.tick_params(colors=dress.ink, labelsize=9, length=0)
    axes.xaxis.label.set(color=dress.ink, fontsize=9)
    axes.yaxis.label.set(color=dress.ink, fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(dress.faint)


def grid(axes: Axes, axis: str, dress: Dress) -> None:
    """Faint lines across the `axis` ('x' or 'y')."""
    axes.grid(axis=axis, color=dress.faint, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def legend(axes: Axes, labels: Sequence[str], dress: Dress, across: int = 3) -> None:
    """A legend above the plot, with `labels` from left to right, `across` of them on a line."""
    lines, names = axes.get_legend_handles_labels()
    drawn = dict(zip(names, lines, strict=True))
    axes.legend(
        [drawn[label] for label in labels],
        labels,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=across,
        frameon=False,
        labelcolor=dress.ink,
        fontsize=9,
        borderaxespad=0.2,
    )


def png(figure: Figure) -> bytes:
    """A PNG of 64 colours: a third of the size, and a plot has no more."""
    drawn, small = FigureCanvasAgg(figure), io.BytesIO()
    drawn.draw()
    Image.fromarray(np.asarray(drawn.buffer_rgba())).convert("RGB").quantize(64).save(small, "png", optimize=True)
    return small.getvalue()
