"""Shares of scored rows: what exact match and execution accuracy are shares of, said once."""

from __future__ import annotations

import pandas as pd

from tasks.common.store import Counts

DECIDED = ("equal", "different", "invalid")  # outcomes on which execution has said yes or no


def decided(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows on which execution has said yes or no: execution accuracy is a share of these."""
    return scores[scores["outcome"].isin(DECIDED)]


def execution_accuracy(scores: pd.DataFrame) -> float:
    """Share of correct rows among the decided ones; 0 when there is none."""
    told = decided(scores)
    return float(told["correct"].mean()) if len(told) else 0.0


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
