"""The leaderboard's plots, as PNG bytes. Names must be such as a plot can write (`plots.latin`)."""

from __future__ import annotations

import math
import textwrap
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter
from matplotlib.transforms import Bbox

from tasks.reporting.plots import LIGHT, Dress, around, bars, canvas, grid, latin, png
from tasks.reporting.shown import digits

GREEN, AMBER, RED = "#2e9e5b", "#c98a1b", "#d05a5a"
LONGEST = 56  # signs of a name: two lines of a label
NEAR = (15, 0)  # pixels to the right of a point, and above


def drawable(names: pd.Series) -> dict[str, str]:
    """How the plots write the names; one in another script becomes 'entry 3'."""
    return dict(zip(names, latin(names, "entry", LONGEST), strict=True))


def accuracy(by_language: pd.DataFrame, dress: Dress = LIGHT) -> bytes:
    """Execution accuracy of each entry with its 95% Wilson interval, one bar a language.

    Args:
        by_language: what `scoring.leaderboard.standings_by` returns.
        dress: colours.
    """
    shares = {}
    for (group, rows), part in by_language.groupby(["group", "rows"], sort=False):
        shares[f"{latin([str(group)], 'language')[0]}  (n = {rows})"] = part[["ex", "ex_low", "ex_high"]].to_numpy()
    palette = [dress.colours["challenger"], dress.colours["champion"], GREEN, AMBER]
    colours = [palette[number % len(palette)] for number in range(len(shares))]
    return bars([_wrapped(name) for name in by_language["name"].unique()], shares, colours, dress)


def cost(table: pd.DataFrame, dress: Dress = LIGHT) -> bytes:
    """Execution accuracy with its interval against dollars for 1,000 answers, and the efficient frontier.

    Args:
        table: `name`, `ex`, `ex_low`, `ex_high`, `usd_per_1000` (above 0) and `frontier` (on it or not).
        dress: colours.
    """
    figure, axes = canvas(4.6, dress)
    for on_it, colour in ((False, dress.colours["champion"]), (True, dress.colours["challenger"])):
        part = table[table["frontier"] == on_it]
        share, low, high = part[["ex", "ex_low", "ex_high"]].to_numpy().T
        axes.errorbar(
            part["usd_per_1000"], share, around(share, low, high), fmt="o", color=colour, elinewidth=1.3, capsize=3
        )
    cheapest, dearest = table["usd_per_1000"].min(), table["usd_per_1000"].max()
    axes.set_xscale("log")
    axes.set_xlim(cheapest / 2.5, dearest * 2.5)
    best = table[table["frontier"]].sort_values("usd_per_1000")
    steps = np.repeat([*best["usd_per_1000"], dearest * 2.5], 2)[1:-1], np.repeat(best["ex"], 2)
    (curve,) = axes.plot(*steps, "--", color=dress.colours["challenger"], linewidth=1.1, zorder=1)
    axes.set_ylim(max(table["ex_low"].min() - 0.04, 0), min(table["ex_high"].max() + 0.04, 1.02))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if dearest < 30 * cheapest else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda dollars, _: f"${digits(dollars)}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("dollars for 1,000 answers (log scale)")
    axes.set_ylabel("execution accuracy, with 95% Wilson interval")
    grid(axes, "both", dress)
    figure.draw_without_rendering()  # fixes the places on which the labels' depend
    _label_points(axes, table, curve.get_path().transformed(axes.transData), dress)
    return png(figure)


def _label_points(axes: Axes, table: pd.DataFrame, curve: Path, dress: Dress) -> None:
    """Write each name beside its point, best entry first; a line leads to a name that is further off."""
    ends = axes.transData.transform(np.vstack([table[["usd_per_1000", end]] for end in ("ex_low", "ex_high")]))
    taken = [Bbox([low - 5, high + 5]) for low, high in zip(*np.split(ends, 2), strict=True)]
    for line in table.to_dict("records"):
        point = (line["usd_per_1000"], line["ex"])
        measured = axes.annotate(_wrapped(line["name"]), point, fontsize=8.5)
        right, up = _free_side(axes, axes.transData.transform(point), measured.get_window_extent().size, taken, curve)
        measured.remove()
        leader = {"arrowstyle": "-", "color": dress.ink, "alpha": 0.5, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
        axes.annotate(
            measured.get_text(), point, (right, up), textcoords="offset pixels", in_layout=False,
            ha="left" if right > 0 else "right", va="center", fontsize=8.5, color=dress.ink,
            arrowprops=leader | {"relpos": (float(right < 0), 0.5)} if (abs(right), up) != NEAR else None,
        )  # fmt: skip


def _free_side(
    axes: Axes, point: np.ndarray, size: tuple[float, float], taken: list[Bbox], curve: Path
) -> tuple[int, int]:
    """Where, in pixels from its point, a text of `size` covers nothing, as near as can be; it is `taken` then."""
    sides = sorted(product((NEAR[0], -NEAR[0], 70, -70), range(-200, 201, 20)), key=lambda side: math.hypot(*side))
    (x, y), (width, height) = point, size
    boxes = [
        Bbox.from_bounds(x + right - width * (right < 0), y + up - height / 2, width, height) for right, up in sides
    ]
    free = (
        number
        for number, box in enumerate(boxes)
        if all(axes.bbox.contains(*corner) for corner in box.corners())
        and not box.count_overlaps(taken)
        and not curve.intersects_bbox(box, filled=False)
    )
    chosen = next(free, 0)
    taken.append(boxes[chosen])
    return sides[chosen]


def gains(pairs: pd.DataFrame, names: list[str], dress: Dress = LIGHT) -> bytes:
    """Who is how many points ahead of whom; a frame marks what is more than chance.

    Args:
        pairs: what `scoring.leaderboard.pairs` returns.
        names: the entries from first to last.
        dress: colours.
    """
    figure, axes = canvas(0.5 + 0.42 * len(names), dress)
    at = {name: place for place, name in enumerate(names)}
    ramp = LinearSegmentedColormap.from_list("gain", [RED, dress.paper, dress.colours["challenger"]], 25)
    most = 2.8 * max(pairs["gain"].max(), 0.01)  # so that the ink stays legible on the strongest colour
    for line in pairs.to_dict("records"):
        better, worse = at[line["better"]], at[line["worse"]]
        edge = dress.ink if line["more_than_chance"] else "none"
        for x, y, gain in ((worse, better, line["gain"]), (better, worse, -line["gain"])):
            corner = (x - 0.46, y - 0.44)
            axes.add_patch(Rectangle(corner, 0.92, 0.88, facecolor=ramp(0.5 + gain / most), edgecolor=edge))
            text = f"{round(100 * gain):+d}".replace("-", "−").replace("+0", "0")
            axes.text(x, y, text, ha="center", va="center", fontsize=9, color=dress.ink)
    places = range(len(names))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(places, [f"{_wrapped(name)}  {place + 1}" for name, place in at.items()])
    axes.set_xticks(places, [str(place + 1) for place in places])
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    return png(figure)


def _wrapped(name: str) -> str:
    return textwrap.fill(name, LONGEST // 2)
