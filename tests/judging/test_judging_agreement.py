from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.judging.agreement import agreement, cohen_kappa


def tables(cells: list[tuple[str, str, str, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Verdicts and scores from (verdict, rationale, outcome, how many)."""
    rows = [cell[:3] for cell in cells for _ in range(cell[3])]
    ids = [f"{i:016x}" for i in range(len(rows))]
    verdicts = pd.DataFrame({"example_id": ids, "verdict": [r[0] for r in rows], "rationale": [r[1] for r in rows]})
    outcome = [r[2] for r in rows]
    correct = [o == "equal" for o in outcome]
    scores = pd.DataFrame({"example_id": ids, "outcome": outcome, "correct": correct})
    return verdicts, scores.sample(frac=1, random_state=1)


def test_kappa_and_interval_of_a_published_table() -> None:
    # Cohen (1968), 200 cases, three classes; kappa .492, and .39 to .59 from R's psych::cohen.kappa.
    table = np.array([[0.44, 0.07, 0.09], [0.05, 0.20, 0.05], [0.01, 0.03, 0.06]]) * 200
    kappa, low, high = cohen_kappa(table) or (0, 0, 0)
    assert (round(kappa, 2), round(low, 2), round(high, 2)) == (0.49, 0.39, 0.59)


def test_interval_is_that_of_a_bootstrap() -> None:
    table = np.array([[60, 25], [8, 57]])
    _, low, high = cohen_kappa(table) or (0, 0, 0)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(table.sum(), table.ravel() / table.sum(), size=4000).reshape(-1, 2, 2)
    kappas = [(cohen_kappa(draw) or (0,))[0] for draw in draws]
    assert np.percentile(kappas, [2.5, 97.5]) == pytest.approx([low, high], abs=0.02)


def test_undecided_rows_are_left_out_and_counted() -> None:
    verdicts, scores = tables(
        [
            ("yes", "", "equal", 14),
            ("yes", "", "different", 2),
            ("no", "", "equal", 1),
            ("no", "", "invalid", 9),
            ("unjudged", "", "equal", 3),
            ("error", "", "different", 2),
            ("no", "does not parse", "invalid", 4),
            ("yes", "", "unsupported", 1),
            ("yes", "", "undecided", 1),
        ]
    )
    found = agreement(verdicts, scores, 0.6)
    assert (found.yes_right, found.yes_wrong, found.no_right, found.no_wrong, found.left_out) == (14, 2, 1, 9, 11)
    assert found.trusted
    assert found.kappa == pytest.approx(0.7607, abs=1e-4)
    assert found.low is not None and found.high is not None and found.low < found.kappa < found.high
    assert not agreement(verdicts, scores, 0.8).trusted
    assert "below the required 0.80" in agreement(verdicts, scores, 0.8).explanation


@pytest.mark.parametrize(
    ("cells", "kappa", "words"),
    [
        ([("yes", "", "equal", 30)], None, "not defined"),
        ([("yes", "", "equal", 15), ("yes", "", "different", 15)], 0.0, "below"),
        ([("yes", "", "equal", 5), ("no", "", "different", 5)], 1.0, "20 needed"),
        ([], None, "20 needed"),
    ],
)
def test_what_proves_nothing_is_not_trusted(
    cells: list[tuple[str, str, str, int]], kappa: float | None, words: str
) -> None:
    found = agreement(*tables(cells), 0.6)
    assert not found.trusted
    assert found.kappa == (None if kappa is None else pytest.approx(kappa))
    assert words in found.explanation
