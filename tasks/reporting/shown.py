"""Numbers as people read them, and the tables that the page, the terminal and Prefect all show."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tasks.reporting.history import History
from tasks.reporting.night import Night
from tasks.reporting.tables import ALL, comparison

DECIDED = {"promote": "promoted", "hold": "held", "reject": "rejected", "none": "evaluated"}  # failed ones say so
BAD_ENDS = ("failed", "crashed", "cancelled")


def percent(share: float) -> str:
    """0.621 as '62.1%'; a dash for no value."""
    return "–" if math.isnan(share) else f"{share:.1%}"


def percent_with_interval(share: float, low: float, high: float) -> str:
    """'62.1% (52–71)'."""
    return percent(share) if math.isnan(share) else f"{percent(share)} ({100 * low:.0f}–{100 * high:.0f})"


def points(gain: float) -> str:
    """0.021 as '+2.1'."""
    return f"{100 * gain:+.1f}".replace("-", "−")


def short_p(p_value: float) -> str:
    """'0.031', '<0.001'."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def digits(value: float) -> str:
    """Three digits, without an exponent: '1,234', '0.0042'; a dash for no value."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else np.format_float_positional(value, 3, fractional=False, trim="-")


def dollars(usd: float) -> str:
    """'$1,234.50', '$0.30', '$0.0042'; a dash for none."""
    return "–" if usd == 0 else f"${usd:,.2f}" if usd >= 0.01 else f"${digits(usd)}"


def duration(seconds: float) -> str:
    """'8.4 s', '3 min 20 s', '2 h 05 min'."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def accuracy_table(night: Night, by: str) -> pd.DataFrame:
    """Accuracies by language or by kind of query, in words, ready to be shown."""
    table = comparison(night.models, by)
    shown = pd.DataFrame({by if by == "language" else "kind of query": table["group"], "rows": table["rows"]})
    for model in night.models:
        columns = [table[f"ex{end}_{model.role}"] for end in ("", "_low", "_high")]
        shown[f"EX {model.role}"] = [percent_with_interval(*one) for one in zip(*columns, strict=True)]
    if night.challenger:
        shown["gain"] = table["gain"].map(points)
        shown["newly right/wrong"] = [
            f"{right} / {wrong}" for right, wrong in zip(table["newly_right"], table["newly_wrong"], strict=True)
        ]
        if by == "language":  # eight kinds are eight tests: one of them would look lucky too often
            shown["p"] = table["p_value"].map(short_p)
    for name, measure in (("EM, %", "em"), ("canon. EM, %", "em_canonical")):
        shown[name] = _sides(table, measure, night, lambda share: f"{100 * share:.1f}")
    if table.filter(like="undecided_").to_numpy().any():
        shown["undecided"] = _sides(table, "undecided", night, str)
    return shown


def history_table(history: History, most: int) -> pd.DataFrame:
    """The newest nights in words, newest first, ready to be shown.

    Returns:
        `night`, `run`, `decision`, `EX champion` and `EX challenger` (over all rows), `took`, `judge` (dollars),
        `error`, and `id` and `report` to link to.
    """
    everything = history.accuracy[history.accuracy["group"] == ALL].set_index("night")
    shares = everything.reindex(history.nights.index)
    shown = pd.DataFrame(
        {
            "night": history.nights["time"].dt.strftime("%Y-%m-%d %H:%M"),
            "run": history.nights["run"],
            "decision": history.nights["decision"].replace(DECIDED),
        }
    )
    for role in ("champion", "challenger"):
        columns = [shares[f"ex{end}_{role}"] for end in ("", "_low", "_high")]
        shown[f"EX {role}"] = [percent_with_interval(*one) for one in zip(*columns, strict=True)]
    shown["took"] = history.nights["seconds"].map(duration)
    shown["judge"] = history.nights["usd"].map(dollars)
    shown[["error", "id", "report"]] = history.nights[["error", "id", "report"]]
    return shown.tail(most).iloc[::-1].reset_index(drop=True)


def history_sentence(history: History) -> str:
    """'12 nights, 2 promotions, 1 failed, $0.31 for the judge'."""
    decisions = history.nights["decision"]
    told = [_count(len(decisions), "night"), _count(int((decisions == "promote").sum()), "promotion")]
    ended_badly = int(decisions.isin(BAD_ENDS).sum())
    if ended_badly:
        told.append(f"{ended_badly} failed")
    if paid := float(history.nights["usd"].sum()):
        told.append(f"{dollars(paid)} for the judge")
    return ", ".join(told)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _sides(table: pd.DataFrame, measure: str, night: Night, say: Callable[[Any], str]) -> list[str]:
    """Champion's value → challenger's."""
    sides = [table[f"{measure}_{model.role}"].map(say) for model in night.models]
    return [" → ".join(one) for one in zip(*sides, strict=True)]


KOREAN_NOTE = (
    "The bundled 135M model reads Korean badly: its tokenizer takes two tokens for one Korean character "
    "(0.5 characters a token). Korean is the larger models' part; its figures are shown for completeness."
)
