from __future__ import annotations

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.scoring.config import GateConfig
from tasks.scoring.gate import Decision, decide
from tasks.scoring.judge import judged_of_both
from tasks.scoring.statistics import mcnemar_p

GATE = GateConfig(p_value=0.05, min_gain=0.0, min_rows=50)


def scores(right: list[bool], outcomes: dict[int, str] | None = None) -> pd.DataFrame:
    """One row for each entry of `right`; every fourth is Korean."""
    outcome = ["equal" if one else "different" for one in right]
    for place, name in (outcomes or {}).items():
        outcome[place] = name
    return pd.DataFrame(
        {
            "example_id": [f"{n:016x}" for n in range(len(right))],
            "language": ["ko" if n % 4 == 0 else "en" for n in range(len(right))],
            "complexity": "basic SQL",
            "outcome": outcome,
            "correct": [one == "equal" for one in outcome],
        }
    )


def gate(
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    limits: GateConfig = GATE,
    trial: int = 1,
    judged: pd.DataFrame | None = None,
) -> Decision:
    return decide(
        champion,
        challenger,
        limits,
        trial=trial,
        champion="base",
        challenger="tonight",
        judge_note="no judge tonight",
        judged=judged,
    )


def test_a_clear_win_is_promoted_with_its_figures() -> None:
    decision = gate(scores([True] * 10 + [False] * 50), scores([False] * 2 + [True] * 38 + [False] * 20))
    assert decision.decision == "promote"
    assert (decision.newly_right, decision.newly_wrong, decision.rows) == (30, 2, 60)
    assert decision.gain == pytest.approx(28 / 60, abs=1e-6)
    assert decision.p_value == mcnemar_p(30, 2)
    assert decision.gain_low < decision.gain < decision.gain_high
    assert decision.champion_accuracy == pytest.approx(10 / 60, abs=1e-6)
    assert decision.challenger_accuracy == pytest.approx(38 / 60, abs=1e-6)
    assert "30 rows newly right, 2 newly wrong" in decision.reasons[0]
    assert sum(part.rows for part in decision.by_language.values()) == 60
    assert set(decision.by_language) == {"en", "ko"}


def test_the_same_answers_hold() -> None:
    same = scores([True] * 30 + [False] * 30)
    decision = gate(same, same)
    assert (decision.decision, decision.p_value, decision.gain) == ("hold", 1.0, 0.0)
    assert any("exactly the same rows" in reason for reason in decision.reasons)


def test_a_small_win_may_be_luck_and_holds() -> None:
    decision = gate(scores([False] * 4 + [True] * 56), scores([True] * 60))
    assert decision.p_value == 0.125
    assert decision.decision == "hold"
    assert any("luck" in reason and "0.125" in reason for reason in decision.reasons)


def test_a_challenger_shown_to_be_worse_is_rejected() -> None:
    decision = gate(scores([True] * 60), scores([False] * 40 + [True] * 20))
    assert decision.p_value < 0.001
    assert decision.decision == "reject"
    assert any("shown to be worse on all rows: 100.0% to 33.3% on 60 rows" in reason for reason in decision.reasons)


def test_a_challenger_that_may_be_worse_holds() -> None:
    decision = gate(scores([True] * 60), scores([False] * 2 + [True] * 58))
    assert decision.decision == "hold"
    assert any("is worse than" in reason for reason in decision.reasons)


def test_a_hold_says_what_could_have_been_seen() -> None:
    decision = gate(scores([False] * 4 + [True] * 108), scores([True] * 112))
    assert 0.05 < decision.detectable_gain < 0.15
    points = f"{100 * decision.detectable_gain:.1f}"
    assert any(f"With 112 rows a gain of {points} points would be seen" in reason for reason in decision.reasons)


def test_later_challengers_of_a_champion_need_more_evidence() -> None:
    champion, challenger = scores([False] * 8 + [True] * 52), scores([True] * 60)
    first, tenth = (gate(champion, challenger, trial=trial) for trial in (1, 10))
    assert first.p_value == tenth.p_value == mcnemar_p(8, 0)
    assert (first.decision, tenth.decision) == ("promote", "hold")
    assert any("challenger number 10 of this champion has to show at most 0.0013" in r for r in tenth.reasons)


def test_too_few_rows_hold_even_a_clear_win() -> None:
    decision = gate(scores([False] * 49), scores([True] * 49))
    assert decision.decision == "hold"
    assert any("49 rows are too few" in reason and "50" in reason for reason in decision.reasons)


def test_a_gain_under_the_limit_holds() -> None:
    champion, challenger = scores([False] * 7 + [True] * 93), scores([True] * 100)
    assert gate(champion, challenger).decision == "promote"
    decision = gate(champion, challenger, GATE.model_copy(update={"min_gain": 0.08}))
    assert decision.decision == "hold"
    assert any("7.0 points is smaller than the 8.0" in reason for reason in decision.reasons)


def test_rows_undecided_on_either_side_are_left_out_and_counted() -> None:
    champion = scores([False] * 60, {0: "undecided", 1: "unsupported"})
    challenger = scores([True] * 60, {1: "undecided", 2: "undecided", 3: "invalid"})
    decision = gate(champion, challenger)
    assert (decision.rows, decision.left_out, decision.newly_right) == (57, 3, 56)
    assert any("Left out: 3 of 60 rows" in reason for reason in decision.reasons)


def test_a_language_that_must_not_fall_rejects_a_better_model_and_else_is_said_beside_its_promotion() -> None:
    champion = scores([n % 4 == 0 for n in range(100)])  # right in Korean only
    challenger = scores([n % 4 != 0 for n in range(100)])  # right in English only
    decision = gate(champion, challenger)
    assert decision.decision == "reject"
    assert any("shown to be worse on ko: 100.0% to 0.0% on 25 rows" in reason for reason in decision.reasons)
    decision = gate(champion, challenger, GATE.model_copy(update={"must_not_fall": frozenset({"en"})}))
    assert decision.decision == "promote"
    assert any("'ko' alone got worse" in reason for reason in decision.reasons)
    assert decision.by_language["ko"].gain == -1.0


def test_a_trusted_judge_that_finds_it_worse_rejects_and_one_that_is_not_asked_for_does_not() -> None:
    better = scores([True] * 10 + [False] * 50), scores([True] * 40 + [False] * 20)
    judged = pd.DataFrame({"champion": [True] * 12, "challenger": [False] * 11 + [True]})
    assert gate(*better).decision == "promote"
    decision = gate(*better, judged=judged)
    assert (decision.decision, decision.judge_trusted) == ("reject", True)
    assert "worse on the judge's verdicts: 100.0% to 8.3% on 12 rows" in " ".join(decision.reasons)
    unasked = GATE.model_copy(update={"must_not_fall": frozenset({"en"})})
    assert gate(*better, unasked, judged=judged).decision == "promote"
    assert gate(*better, judged=judged.head(3)).decision == "promote"  # three rows show nothing


def test_verdicts_count_where_the_judge_said_yes_or_no_of_both() -> None:
    first = pd.DataFrame({"example_id": list("abcd"), "verdict": ["yes", "no", "unjudged", "yes"]})
    second = pd.DataFrame({"example_id": list("dcba"), "verdict": ["no", "yes", "yes", "error"]})
    both = judged_of_both([(first, first), (second, second)])
    assert both.to_dict("index") == {
        "b": {"champion": False, "challenger": True},
        "d": {"champion": True, "challenger": False},
    }
    assert judged_of_both([(first, first)]).empty


def test_other_rows_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="000000000000003b"):
        gate(scores([True] * 59), scores([True] * 60))


def test_nothing_decided_holds() -> None:
    nothing = scores([False] * 60, dict.fromkeys(range(60), "unsupported"))
    decision = gate(nothing, nothing)
    assert (decision.decision, decision.rows, decision.left_out) == ("hold", 0, 60)
