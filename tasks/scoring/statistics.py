"""The statistics of the scores: intervals, the paired test, what it can see, and its level over many nights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy.optimize import brentq
from scipy.special import zeta
from scipy.stats import binomtest, norm


def wilson_interval(correct: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share, which stays inside 0..1 and is honest for few rows and for shares near 0 or 1.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.

    Returns:
        Lower and upper end as shares; (0, 1) when there are no rows, because then nothing is known.
    """
    if rows == 0:
        return 0.0, 1.0
    interval = binomtest(correct, rows).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_p(newly_right: int, newly_wrong: int) -> float:
    """Two-sided exact McNemar test: the p-value that two models on the same rows are equally good.

    Only rows on which one model is right and the other wrong say anything; if the models are equally good,
    each of these is a fair coin. McNemar (1947), Psychometrika 12; the exact (binomial) form is section
    10.1 of Agresti, "Categorical Data Analysis". 1 when no row tells the models apart.
    """
    telling = newly_right + newly_wrong
    if telling == 0:
        return 1.0
    return float(binomtest(newly_right, telling, 0.5).pvalue)


def paired_gain_interval(
    newly_right: int, newly_wrong: int, rows: int, confidence: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Interval of the gain in accuracy between two models on the same rows, as shares.

    The percentile bootstrap over rows (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13).
    A row's difference is +1, -1 or 0, so drawing rows with replacement is one multinomial draw of the three
    counts. The seed is fixed: the same counts always give the same interval.
    """
    if rows == 0:
        return -1.0, 1.0
    shares = np.array([newly_right, newly_wrong, rows - newly_right - newly_wrong]) / rows
    drawn = np.random.default_rng(20_000).multinomial(rows, shares, size=draws)
    gains = (drawn[:, 0] - drawn[:, 1]) / rows
    tail = (1 - confidence) / 2
    low, high = np.quantile(gains, [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Iterable[float]) -> list[float]:
    """P-values adjusted for there being several, in the order given.

    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6; as
    adjusted p-values in Wright (1992), "Adjusted p-values for simultaneous inference", Biometrics 48. If those at
    most 0.05 are called differences, the chance of any false one is at most 5 %, however the tests depend on each
    other; those of models on the same rows do.
    """
    p = np.array(list(p_values), dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def level_of_trial(level: float, trial: int) -> float:
    """The share of `level` that the n-th test takes, so that however many follow, their shares add up to it.

    By the union bound the chance of any false rejection in all of them is at most `level`, whether the tests
    are independent or, as on the same rows night after night, not. Shares fall as n^-1.3: the first gets 25 %,
    the tenth 1.3 %, the hundredth 0.06 %; a faster fall would leave later nights next to nothing.
    """
    slope = 1.3
    return float(level * trial**-slope / zeta(slope))


def detectable_gain(rows: int, differing: float, p_value: float, power: float = 0.8) -> float:
    """The smallest gain that McNemar's test finds with probability `power`, as a share; 1 if none is.

    Connor (1987), "Sample size for testing differences in proportions for the paired-sample design",
    Biometrics 43.

    Args:
        rows: rows both models answer.
        differing: share of rows on which one is right and the other wrong; at least the gain itself.
        p_value: level of the two-sided test.
        power: wanted probability.
    """

    def missing(gain: float) -> float:
        return _rows_for(gain, differing, p_value, power) - rows

    return float(brentq(missing, 1e-6, 1.0)) if rows > 0 and missing(1.0) < 0 else 1.0


def rows_needed(gain: float, differing: float, p_value: float, power: float = 0.8) -> int:
    """Rows with which McNemar's test finds `gain` with probability `power`; arguments as `detectable_gain`."""
    return math.ceil(_rows_for(gain, differing, p_value, power))


def _rows_for(gain: float, differing: float, p_value: float, power: float) -> float:
    differing = max(differing, gain)
    spread = norm.isf(p_value / 2) * math.sqrt(differing) + norm.ppf(power) * math.sqrt(differing - gain**2)
    return float(spread / gain) ** 2
