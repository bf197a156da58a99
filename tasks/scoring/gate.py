"""The gate: is the challenger shown to be better than the champion, or shown to be worse?

Both models answered the same evaluation rows. Execution accuracy decides, over all rows of all languages
together; a language, a kind of query or a trusted judge on which the challenger is shown to be worse rejects it.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tasks.common.errors import InputError
from tasks.scoring.accuracy import DECIDED
from tasks.scoring.config import GateConfig
from tasks.scoring.statistics import (
    detectable_gain,
    level_of_trial,
    mcnemar_p,
    paired_gain_interval,
    rows_needed,
)

WORTH_SEEING = 0.03  # the gain that people usually hope for from one night to the next


class PairedResult(BaseModel):
    """Two models on the same rows. Accuracies and gains are shares (0.02 is 2 points)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    champion_accuracy: float
    challenger_accuracy: float
    gain: float
    gain_low: float
    gain_high: float
    newly_right: int
    newly_wrong: int
    p_value: float


class Decision(PairedResult):
    """What the gate said, with its reasons in words; `left_out` rows were not decided on both sides.

    `trial` is the number of this challenger among those tried against the champion, `level` the largest
    p that promotes it, and `detectable_gain` what such a test finds eight times in ten.
    """

    decision: Literal["promote", "hold", "reject"]
    reasons: list[str]
    champion: str
    challenger: str
    trial: int
    level: float
    detectable_gain: float
    left_out: int
    by_language: dict[str, PairedResult]
    judge_trusted: bool
    judge_note: str


def decide(
    champion_scores: pd.DataFrame,
    challenger_scores: pd.DataFrame,
    gate: GateConfig,
    *,
    trial: int,
    champion: str,
    challenger: str,
    judge_note: str,
    judged: pd.DataFrame | None,
) -> Decision:
    """Promote the challenger if the exact McNemar test and the gate's limits say that it is better, reject it if worse.

    Args:
        champion_scores: scores of the model in use.
        challenger_scores: scores of tonight's model on the same rows.
        gate: the limits.
        trial: the how-manieth challenger of this champion it is, from 1.
        champion: the name of the model in use.
        challenger: the name of tonight's.
        judge_note: what is to be said of the judge; it is passed on.
        judged: the verdicts of a judge that agrees well enough with execution, for the rows on which it said yes or
            no of both models: booleans `champion` and `challenger`. None for a judge that is not trusted.

    Raises:
        InputError: the two were not scored on the same rows.
    """
    pairs = pair(champion_scores, challenger_scores)
    told = pairs[pairs["decided"]]
    result = paired_result(told)
    level = promotion_level(gate.p_value, trial)
    by_language = {str(name): paired_result(part) for name, part in told.groupby("language")}
    detectable = _detectable_gain(result, level)
    worse = _shown_worse(result, told, judged, gate)
    obstacles = [] if worse else _obstacles(result, gate, level, trial)
    reasons = [_what_happened(result), *worse, *obstacles]
    if obstacles:
        reasons.append(_what_could_be_seen(result, detectable, level))
    elif not worse:
        reasons += _why_promoted(result, level, trial)
    reasons += _worse_languages(by_language, gate)
    left_out = len(pairs) - len(told)
    if left_out:
        reasons.append(f"Left out: {left_out} of {len(pairs)} rows, which execution could not decide for both models.")
    return Decision(
        **result.model_dump(),
        decision="reject" if worse else "hold" if obstacles else "promote",
        reasons=reasons,
        champion=champion,
        challenger=challenger,
        trial=trial,
        level=level,
        detectable_gain=detectable,
        left_out=left_out,
        by_language=by_language,
        judge_trusted=judged is not None,
        judge_note=judge_note,
    )


def promotion_level(level: float, trial: int) -> float:
    """The largest two-sided p at which the n-th challenger of a champion is promoted.

    Twice its share of `level`: only one direction promotes, and the other half of a two-sided p lies in the other.
    """
    return 2 * level_of_trial(level, trial)


def pair(champion: pd.DataFrame, challenger: pd.DataFrame) -> pd.DataFrame:
    """Put the scores of two models side by side.

    Returns:
        One line a row, in the champion's order: `example_id`, `language`, `complexity`, `champion` and
        `challenger` (right or not) and `decided` (whether execution decided both).

    Raises:
        InputError: the two were not scored on the same rows.
    """
    apart = set(champion["example_id"]) ^ set(challenger["example_id"])
    if apart:
        raise InputError(
            f"scores: champion and challenger must be scored on the same rows; {len(apart)} rows, "
            f"'{min(apart)}' among them, are scored for one of them only"
        )
    other = challenger[["example_id", "outcome", "correct"]]
    both = champion.merge(other, on="example_id", suffixes=("", "_challenger"), validate="1:1")
    return both[["example_id", "language", "complexity"]].assign(
        champion=both["correct"].astype(bool),
        challenger=both["correct_challenger"].astype(bool),
        decided=both["outcome"].isin(DECIDED) & both["outcome_challenger"].isin(DECIDED),
    )


def paired_result(pairs: pd.DataFrame) -> PairedResult:
    """Count and test pairs: a frame with the boolean columns `champion` and `challenger` (right or not)."""
    rows = len(pairs)
    newly_right = int((~pairs["champion"] & pairs["challenger"]).sum())
    newly_wrong = int((pairs["champion"] & ~pairs["challenger"]).sum())
    low, high = paired_gain_interval(newly_right, newly_wrong, rows)
    return PairedResult(
        rows=rows,
        champion_accuracy=round(pairs["champion"].sum() / max(rows, 1), 6),
        challenger_accuracy=round(pairs["challenger"].sum() / max(rows, 1), 6),
        gain=round((newly_right - newly_wrong) / max(rows, 1), 6),
        gain_low=round(low, 6),
        gain_high=round(high, 6),
        newly_right=newly_right,
        newly_wrong=newly_wrong,
        p_value=mcnemar_p(newly_right, newly_wrong),
    )


def _shown_worse(result: PairedResult, told: pd.DataFrame, judged: pd.DataFrame | None, gate: GateConfig) -> list[str]:
    """Every reason to reject: worse in all, or where the gate lets nothing fall, and not by luck."""
    looked_at = {"all rows": result}
    if judged is not None and "judge" in gate.must_not_fall:
        looked_at["the judge's verdicts"] = paired_result(judged)
    for column in ("language", "complexity"):
        for name, part in told.groupby(column):
            if name in gate.must_not_fall:
                looked_at[str(name)] = paired_result(part)
    return [
        f"The challenger is shown to be worse on {name}: {r.champion_accuracy:.1%} to {r.challenger_accuracy:.1%} "
        f"on {r.rows} rows (p {words_for_p(r.p_value)})."
        for name, r in looked_at.items()
        if r.gain < 0 and r.p_value <= gate.p_value
    ]


def _obstacles(result: PairedResult, gate: GateConfig, level: float, trial: int) -> list[str]:
    """Every reason not to promote; none means promote."""
    found = []
    if result.rows < gate.min_rows:
        found.append(f"{result.rows} rows are too few to tell; the gate asks for at least {gate.min_rows}.")
    if result.newly_right + result.newly_wrong == 0:
        found.append("The two are right on exactly the same rows: nothing tells them apart.")
    elif result.gain <= 0:
        how = "worse than" if result.gain < 0 else "no better than"
        found.append(f"The challenger is {how} the champion.")
    elif result.p_value > level:
        found.append(
            f"The difference may be luck: two equally good models would show one this large with probability "
            f"{words_for_p(result.p_value)} ({_test(level, trial)})."
        )
    if 0 < result.gain < gate.min_gain:
        found.append(
            f"The gain of {_points(result.gain)} points is smaller than the {_points(gate.min_gain)} "
            "that the gate asks for."
        )
    return found


def _detectable_gain(result: PairedResult, level: float) -> float:
    return round(detectable_gain(result.rows, _differing(result), level), 6)


def _differing(result: PairedResult) -> float:
    return (result.newly_right + result.newly_wrong) / max(result.rows, 1)


def _what_could_be_seen(result: PairedResult, detectable: float, level: float) -> str:
    needed = rows_needed(WORTH_SEEING, _differing(result), level)
    return (
        f"With {result.rows} rows a gain of {_points(detectable)} points would be seen eight times in ten; to see "
        f"{_points(WORTH_SEEING)} points that often takes {needed:,} rows."
    )


def _what_happened(result: PairedResult) -> str:
    return (
        f"On the same {result.rows} rows the champion is right on {result.champion_accuracy:.1%}, the challenger on "
        f"{result.challenger_accuracy:.1%}: {result.newly_right} rows newly right, {result.newly_wrong} newly wrong."
    )


def _why_promoted(result: PairedResult, level: float, trial: int) -> list[str]:
    return [
        f"That is hardly luck: two equally good models would show a difference this large with probability "
        f"{words_for_p(result.p_value)} ({_test(level, trial)}).",
        f"The gain is {_points(result.gain)} points, with 95% confidence between {_points(result.gain_low)} and "
        f"{_points(result.gain_high)}.",
    ]


def _test(level: float, trial: int) -> str:
    which = "the first challenger" if trial == 1 else f"challenger number {trial}"
    return f"exact McNemar test; {which} of this champion has to show at most {level:.2g}"


def _worse_languages(results: dict[str, PairedResult], gate: GateConfig) -> list[str]:
    return [
        f"Note that '{language}' alone got worse: {r.champion_accuracy:.1%} to {r.challenger_accuracy:.1%} "
        f"on {r.rows} rows (p {words_for_p(r.p_value)})."
        for language, r in results.items()
        if len(results) > 1 and r.gain < 0 and not (language in gate.must_not_fall and r.p_value <= gate.p_value)
    ]


def words_for_p(p_value: float) -> str:
    """A p-value as people read it: '0.031', 'below 0.001'."""
    return "below 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
