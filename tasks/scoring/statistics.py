"""The statistics of the scores: an interval for one accuracy, a test and an interval for two on the same rows."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest


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
