"""Shares of scored rows: what exact match and execution accuracy are shares of, said once."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.common.store import Counts
from tasks.scoring.statistics import wilson_interval

DECIDED = ("equal", "different", "invalid")  # outcomes on which execution has said yes or no


def decided(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows on which execution has said yes or no: execution accuracy is a share of these."""
    return scores[scores["outcome"].isin(DECIDED)]


def execution_accuracy(scores: pd.DataFrame) -> float:
    """Share of correct rows among the decided ones; 0 when there is none."""
    told = decided(scores)
    return float(told["correct"].mean()) if len(told) else 0.0


def measures(scores: pd.DataFrame) -> dict[str, Any]:
    """The shares of scored rows with their intervals.

    Returns:
        `rows`, `undecided`, and for each measure `m` of `em`, `em_canonical`, `ex` the share `m` with its 95% Wilson
        interval `m_low`, `m_high`. EX is a share of the rows that execution decided, NaN when there is none.
    """
    told = decided(scores)
    line: dict[str, Any] = {"rows": len(scores), "undecided": len(scores) - len(told)}
    for measure, right in {"em": scores["em"], "em_canonical": scores["em_canonical"], "ex": told["correct"]}.items():
        line[measure] = float(right.mean()) if len(right) else float("nan")
        line[f"{measure}_low"], line[f"{measure}_high"] = wilson_interval(int(right.sum()), len(right))
    return line


def parts(scores: pd.DataFrame, by: str) -> dict[str, pd.DataFrame]:
    """The rows by the values of the column `by`, largest part first."""
    found = {str(name): part for name, part in scores.groupby(by)}
    return dict(sorted(found.items(), key=lambda named: (-len(named[1]), named[0])))


def count(scores: pd.DataFrame) -> Counts:
    """The figures of a scores stage: rows, shares of exact matches and execution accuracy, by language too."""
    counts: Counts = {
        "rows": len(scores),
        "decided": len(decided(scores)),
        "em": round(float(scores["em"].mean()), 4),
        "em_canonical": round(float(scores["em_canonical"].mean()), 4),
        "ex": round(execution_accuracy(scores), 4),
    }
    for language, part in scores.groupby("language"):
        counts[f"ex_{language}"] = round(execution_accuracy(part), 4)
    return counts
