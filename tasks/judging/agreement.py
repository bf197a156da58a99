"""Does the judge's word agree with execution? Only then does it count for anything."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from tasks.judging.judge import DOES_NOT_PARSE

MIN_DECIDED = 20  # below this the interval of kappa is wider than anything it could tell
_UNKNOWN_TO_EXECUTION = ("undecided", "unsupported")
_Z95 = 1.959963985


class Agreement(BaseModel):
    """The judge against execution, on rows that both decided.

    Attributes:
        yes_right: judge yes, execution right.
        yes_wrong: judge yes, execution wrong: the judge was lenient.
        no_right: judge no, execution right: the judge was harsh.
        no_wrong: judge no, execution wrong.
        left_out: rows that one side did not decide ('unjudged', 'error', 'undecided', 'unsupported'), and
            answers that do not parse, which the judge never saw.
        kappa: Cohen's kappa, None where it is not defined (both sides said the same one thing throughout).
        low: lower end of its 95 % interval.
        high: upper end.
        trusted: whether the judge's figures may be used.
        explanation: why, in one sentence.
    """

    model_config = ConfigDict(frozen=True)

    yes_right: int
    yes_wrong: int
    no_right: int
    no_wrong: int
    left_out: int
    kappa: float | None
    low: float | None
    high: float | None
    trusted: bool
    explanation: str


def agreement(verdicts: pd.DataFrame, scores: pd.DataFrame, min_kappa: float) -> Agreement:
    """Compare a judge with execution.

    Args:
        verdicts: DataFrame[example_id, verdict, rationale].
        scores: DataFrame[example_id, outcome, correct]; rows the judge did not get are passed over.
        min_kappa: below this the judge is not trusted.
    """
    decided = decided_by_both(verdicts, scores)
    yes, right = decided["verdict"] == "yes", decided["correct"].astype(bool)
    table = np.array([[(yes & right).sum(), (yes & ~right).sum()], [(~yes & right).sum(), (~yes & ~right).sum()]])
    found = cohen_kappa(table)
    kappa, low, high = found or (None, None, None)
    trusted, explanation = _trust(kappa, len(decided), min_kappa)
    return Agreement(
        yes_right=table[0, 0],
        yes_wrong=table[0, 1],
        no_right=table[1, 0],
        no_wrong=table[1, 1],
        left_out=len(verdicts) - len(decided),
        kappa=kappa,
        low=low,
        high=high,
        trusted=trusted,
        explanation=explanation,
    )


def decided_by_both(verdicts: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of `agreement` that judge and execution both decided, with the columns of both."""
    rows = verdicts.merge(scores[["example_id", "outcome", "correct"]], on="example_id", validate="one_to_one")
    return rows[
        rows["verdict"].isin(["yes", "no"])
        & (rows["rationale"] != DOES_NOT_PARSE)
        & ~rows["outcome"].isin(_UNKNOWN_TO_EXECUTION)
    ]


def cohen_kappa(table: np.ndarray) -> tuple[float, float, float] | None:
    """Cohen's kappa with its 95 % interval, or None where chance alone explains full agreement.

    The standard error is the large-sample one of Fleiss, Cohen and Everitt, "Large sample standard errors of
    kappa and weighted kappa", Psychological Bulletin 72 (1969), equation 13. It is 0 where the two agree on
    every row, and optimistic below some 30 rows.

    Args:
        table: counts, shape (k, k), one rater's classes by the other's.
    """
    n = table.sum()
    if n == 0:
        return None
    p = table / n
    first, second = p.sum(axis=1), p.sum(axis=0)
    expected = float(first @ second)
    if math.isclose(expected, 1.0):
        return None
    kappa = (float(np.trace(p)) - expected) / (1 - expected)
    k = 1 - kappa
    both = first[None, :] + second[:, None]  # both[i, j] = p(.i) + p(j.)
    on_diagonal = float((np.diag(p) * (1 - (first + second) * k) ** 2).sum())
    off_diagonal = float((p * both**2).sum() - (np.diag(p) * np.diag(both) ** 2).sum()) * k**2
    variance = (on_diagonal + off_diagonal - (kappa - expected * k) ** 2) / (n * (1 - expected) ** 2)
    half = _Z95 * math.sqrt(max(0.0, variance))
    return kappa, max(-1.0, kappa - half), min(1.0, kappa + half)


def _trust(kappa: float | None, decided: int, min_kappa: float) -> tuple[bool, str]:
    if decided < MIN_DECIDED:
        return False, f"Not trusted: {decided} rows were decided by both judge and execution, {MIN_DECIDED} needed."
    if kappa is None:
        return False, (
            f"Not trusted: judge and execution said the same one thing on all {decided} rows, so kappa is not defined."
        )
    if kappa < min_kappa:
        return False, (
            f"Not trusted: kappa {kappa:.2f} with execution on {decided} rows is below the required {min_kappa:.2f}."
        )
    return True, (f"Trusted: kappa {kappa:.2f} with execution on {decided} rows reaches the required {min_kappa:.2f}.")
