from __future__ import annotations

import math

import pytest

from tasks.scoring.statistics import mcnemar_p, paired_gain_interval, wilson_interval


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
