from __future__ import annotations

import pytest

from tasks.inference.parity import too_few


@pytest.mark.parametrize(
    ("same", "rows", "least", "stops"),
    [
        (11, 16, 0.7, False),  # a good merge loses so many one time in five
        (7, 16, 0.7, True),
        (9, 24, 0.7, True),  # an adapter folded into weights that it was not trained on
        (40, 64, 0.7, False),
        (38, 64, 0.7, True),
        (0, 4, 0.75, True),
        (2, 4, 0.75, False),
        (0, 2, 0.0, False),
    ],
)
def test_fewer_equal_answers_than_asked_for_stop_a_night_if_they_are_no_chance(
    same: int, rows: int, least: float, stops: bool
) -> None:
    assert too_few(same, rows, least) is stops
