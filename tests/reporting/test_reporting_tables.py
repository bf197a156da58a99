from __future__ import annotations

import pandas as pd
import pytest

from tasks.reporting import tables
from tasks.reporting.night import NightRefs, read_night
from tasks.reporting.shown import accuracy_table, duration, percent_with_interval, points
from tasks.scoring.statistics import wilson_interval


def test_accuracy_counts_by_hand(champion_scores: pd.DataFrame) -> None:
    table = tables.accuracy(champion_scores, "language").set_index("group")
    assert list(table.index) == ["all", "en", "ko"]
    # Right: 0, 10, 20, 30 in English; 40, 50 in Korean. Row 59 is Korean and not decided.
    assert table.loc["en", ["rows", "undecided", "ex"]].tolist() == [40, 0, 4 / 40]
    assert table.loc["ko", ["rows", "undecided", "ex"]].tolist() == [20, 1, 2 / 19]
    assert table.loc["ko", "em"] == 2 / 20
    assert (table.loc["all", "ex_low"], table.loc["all", "ex_high"]) == wilson_interval(6, 59)


def test_comparison_pairs_the_rows_of_each_group(night_refs: NightRefs) -> None:
    night = read_night(night_refs, 300.0)
    table = tables.comparison(night.models, "language").set_index("group")
    # English: 32 of 40 challenger rows right but row 10, and 35; champion's 0, 10, 20, 30.
    assert table.loc["en", ["newly_right", "newly_wrong"]].tolist() == [29, 1]
    assert table.loc["en", "gain"] == pytest.approx(28 / 40)
    assert table.loc["all", "newly_right"] == table.loc[["en", "ko"], "newly_right"].sum()
    assert tables.comparison(night.models, "complexity")["rows"].iloc[1:].sum() == 60


def test_one_model_alone_has_no_gain(night_refs: NightRefs) -> None:
    alone = night_refs.model_copy(
        update={"challenger": None, "decision": None, "adapter": None, "merged_model": None, "parity": None}
    )
    night = read_night(alone, 1.0)
    assert "gain" not in tables.comparison(night.models, "language")
    assert set(tables.examples(night, 3)) == {"Wrong", "The judge and execution disagree"}
    assert night.sentence == "base was evaluated; no new model was trained."
    assert "p" not in accuracy_table(night, "language")


def test_outcomes_count_every_row(night_refs: NightRefs) -> None:
    table = tables.outcomes(read_night(night_refs, 1.0).models).set_index("outcome")
    assert table.sum().tolist() == [60, 60]
    assert table.loc["equal", "champion"] == 6
    assert "undecided" not in table.index


def test_examples_are_what_their_title_says(night_refs: NightRefs) -> None:
    sorts = tables.examples(read_night(night_refs, 1.0), most=50)
    right, wrong = sorts["Newly right"], sorts["Newly wrong"]
    assert (right["challenger"] == right["gold"]).all()
    assert (right["champion"] != right["gold"]).all()
    assert set(wrong["gold"].str.extract(r"(\d+)$")[0].astype(int)) == {10, 40, 50}
    apart = sorts["The judge and execution disagree"]
    assert len(apart)
    assert ((apart["verdict"] == "yes") & (apart["outcome"] != "equal")).all()
    assert {len(rows) for rows in tables.examples(read_night(night_refs, 1.0), most=2).values()} == {2}


def test_judge_tables_add_up(night_refs: NightRefs) -> None:
    night = read_night(night_refs, 1.0)
    assert night.agreement is not None
    judged = tables.judgements(night)
    assert judged[["yes", "no", "unjudged", "error"]].to_numpy().sum() == 60
    assert set(judged["fell for"]) == {"equal"}
    cells = tables.confusion(night.agreement).iloc[:, 1:].to_numpy().sum()
    assert cells + night.agreement.left_out == 60


def test_stages_tell_what_was_reused(night_refs: NightRefs) -> None:
    reused = night_refs.model_copy(update={"data": night_refs.data.model_copy(update={"reused": True})})
    table = tables.stages(reused)
    assert len(table) == 14 - 1
    assert (table["how"] == "reused").sum() == 1
    assert table.loc[table["stage"] == "data", "how"].item() == "reused"


def test_numbers_are_said_plainly() -> None:
    assert percent_with_interval(0.621, 0.53, 0.705) == "62.1% (53–70)"
    assert percent_with_interval(float("nan"), 0, 1) == "–"
    assert [points(0.021), points(-0.3)] == ["+2.1", "−30.0"]
    assert [duration(8.43), duration(200), duration(7500)] == ["8.4 s", "3 min 20 s", "2 h 05 min"]
