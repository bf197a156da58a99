from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from tasks.scoring.statistics import (
    detectable_gain,
    holm,
    level_of_trial,
    mcnemar_p,
    paired_gain_interval,
    rows_needed,
    wilson_interval,
)


@pytest.mark.parametrize(("correct", "rows"), [(0, 10), (1, 100), (62, 112), (50, 50)])
def test_wilson_agrees_with_its_closed_form(correct: int, rows: int) -> None:
    z, share = 1.959963984540054, correct / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    assert wilson_interval(correct, rows) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_wilson_reproduces_the_table_of_newcombe() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_wilson_of_no_rows_knows_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_mcnemar_counts_coin_throws() -> None:
    assert mcnemar_p(5, 0) == pytest.approx(2 / 2**5)
    assert mcnemar_p(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert mcnemar_p(2, 8) == mcnemar_p(8, 2)
    assert mcnemar_p(4, 4) == 1.0
    assert mcnemar_p(0, 0) == 1.0


def test_paired_interval_agrees_with_the_normal_one_and_never_changes() -> None:
    right, wrong, rows = 60, 20, 400
    gain = (right - wrong) / rows
    spread = math.sqrt((right + wrong) / rows - gain**2) / math.sqrt(rows)
    low, high = paired_gain_interval(right, wrong, rows)
    assert low == pytest.approx(gain - 1.96 * spread, abs=0.006)
    assert high == pytest.approx(gain + 1.96 * spread, abs=0.006)
    assert (low, high) == paired_gain_interval(right, wrong, rows)


def test_paired_interval_of_like_models_is_nothing_and_of_no_rows_is_everything() -> None:
    assert paired_gain_interval(0, 0, 50) == (0.0, 0.0)
    assert paired_gain_interval(0, 0, 0) == (-1.0, 1.0)


@pytest.mark.parametrize(("right", "wrong"), [(5, 0), (8, 2), (13, 30), (120, 90)])
def test_mcnemar_agrees_with_statsmodels(right: int, wrong: int) -> None:
    table = [[50, right], [wrong, 40]]
    assert mcnemar_p(right, wrong) == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-9)


@pytest.mark.parametrize(("correct", "rows"), [(0, 10), (62, 112), (499, 500)])
def test_wilson_agrees_with_statsmodels(correct: int, rows: int) -> None:
    assert wilson_interval(correct, rows) == pytest.approx(proportion_confint(correct, rows, method="wilson"), abs=1e-9)


def test_holm_agrees_with_statsmodels_and_keeps_the_order() -> None:
    drawn = np.random.default_rng(5)
    for tests in (1, 2, 15, 190):
        p_values = drawn.uniform(0, 1, tests) ** 4
        p_values[0] = p_values[-1]  # a tie
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_the_levels_of_all_trials_add_up_to_the_level_and_each_gets_some() -> None:
    levels = [level_of_trial(0.05, trial) for trial in range(1, 100_001)]
    assert 0.045 < sum(levels) < 0.05
    assert levels[0] == pytest.approx(0.0127, abs=1e-4)
    assert all(later < earlier for earlier, later in pairwise(levels))


@pytest.mark.parametrize("gain", [0.03, 0.05, 0.10])
def test_power_is_what_is_promised(gain: float) -> None:
    rows = rows_needed(gain, differing=0.2, p_value=0.05)
    assert detectable_gain(rows, 0.2, 0.05) == pytest.approx(gain, rel=0.01)
    drawn = np.random.default_rng(7).multinomial(rows, [0.1 + gain / 2, 0.1 - gain / 2, 0.8], size=4_000)
    right, wrong = drawn[:, 0], drawn[:, 1]
    p_values = np.minimum(1, 2 * binom.cdf(np.minimum(right, wrong), right + wrong, 0.5))
    found = float(np.mean((p_values <= 0.05) & (right > wrong)))
    assert found == pytest.approx(0.8, abs=0.05)  # the exact test is a little more careful than the formula


def test_too_few_rows_see_nothing() -> None:
    assert detectable_gain(0, 0.2, 0.05) == 1.0
    assert detectable_gain(3, 0.0, 0.05) == 1.0
