from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.common.store import Counts, StageOutput
from tasks.scoring.leaderboard import (
    LEVEL,
    frontier,
    pairs,
    read_scores,
    seconds_and_cost,
    standings,
    standings_by,
)
from tasks.scoring.refs import Entry
from tasks.scoring.statistics import holm, mcnemar_p, paired_gain_interval, wilson_interval

ROWS = 40


def scores(right: list[int], undecided: list[int] | None = None) -> pd.DataFrame:
    """Rows 0-29 are English, 30-39 Korean; even rows are joins."""
    numbers = range(ROWS)
    outcome = ["unsupported" if n in (undecided or []) else "equal" if n in right else "different" for n in numbers]
    return pd.DataFrame(
        {
            "example_id": [f"row{n:02d}" for n in numbers],
            "language": ["en" if n < 30 else "ko" for n in numbers],
            "complexity": ["single join" if n % 2 == 0 else "basic SQL" for n in numbers],
            "em": [n in right and n % 2 == 0 for n in numbers],
            "em_canonical": [n in right for n in numbers],
            "outcome": outcome,
            "correct": [one == "equal" for one in outcome],
        }
    )


def entry(folder: Path, name: str, table: pd.DataFrame, counts: Counts | None = None) -> Entry:
    (folder / name).mkdir()
    table.to_parquet(folder / name / "scores.parquet")
    output = StageOutput(stage="s", key="k", path=str(folder / name), sha256="0", counts=counts or {}, seconds=1)
    return Entry(name=name, about={}, predictions=output, scores=output)


@pytest.fixture
def three() -> dict[str, pd.DataFrame]:
    return {
        "weak": scores(list(range(4))),
        "strong": scores(list(range(1, 31)), undecided=[38, 39]),
        "middle": scores(list(range(25))),
    }


def test_standings_count_by_hand(three: dict[str, pd.DataFrame]) -> None:
    table = standings(three)
    assert list(table["name"]) == ["strong", "middle", "weak"]
    assert list(table["rank"]) == [1, 2, 3]
    strong = table.iloc[0]
    assert strong[["rows", "undecided", "ex", "em"]].tolist() == [40, 2, 30 / 38, 15 / 40]
    assert (strong["ex_low"], strong["ex_high"]) == wilson_interval(30, 38)


def test_equal_entries_share_a_rank_and_one_that_nothing_is_known_of_is_last() -> None:
    everything = list(range(ROWS))
    table = standings({"a": scores([], everything), "b": scores([1]), "c": scores([2]), "d": scores([1, 2])})
    assert dict(zip(table["name"], table["rank"], strict=True)) == {"d": 1, "b": 2, "c": 2, "a": 4}
    assert list(table["name"]) == ["d", "b", "c", "a"]
    assert np.isnan(table["ex"].iloc[-1])


def test_standings_by_language_keep_the_order_of_the_standings(three: dict[str, pd.DataFrame]) -> None:
    table = standings_by(three, "language")
    assert list(zip(table["name"], table["group"], strict=True))[:3] == [
        ("strong", "en"), ("strong", "ko"), ("middle", "en"),
    ]  # fmt: skip
    ko = table.set_index(["name", "group"]).loc[("strong", "ko")]
    assert ko[["rows", "undecided", "ex"]].tolist() == [10, 2, 1 / 8]
    assert (ko["ex_low"], ko["ex_high"]) == wilson_interval(1, 8)
    assert set(standings_by(three, "complexity")["group"]) == {"single join", "basic SQL"}


def test_every_pair_is_tested_once_on_the_rows_decided_for_both(three: dict[str, pd.DataFrame]) -> None:
    table = pairs(three).set_index(["better", "worse"])
    assert list(table.index) == [("strong", "middle"), ("strong", "weak"), ("middle", "weak")]
    close = table.loc[("strong", "middle")]
    assert close[["rows", "newly_right", "newly_wrong", "gain"]].tolist() == [38, 6, 1, round(5 / 38, 6)]
    assert close["p_value"] == mcnemar_p(6, 1)
    assert [close["gain_low"], close["gain_high"]] == pytest.approx(paired_gain_interval(6, 1, 38), abs=1e-6)
    assert list(table["p_holm"]) == holm(table["p_value"])
    assert list(table["more_than_chance"]) == [False, True, True]


def test_holm_takes_away_what_one_test_alone_would_show() -> None:
    table = pairs({"a": scores([1, 2, 3, 4, 5, 6]), "b": scores([]), "c": scores([7]), "d": scores([8])})
    best = table.set_index(["better", "worse"]).loc[("a", "b")]
    assert best["p_value"] <= LEVEL < best["p_holm"]
    assert not best["more_than_chance"]


def test_a_pair_is_turned_round_where_the_rows_decided_for_both_say_otherwise() -> None:
    # 'first' is right on 20 of 22 decided rows, 'second' on 30 of 40; on the 22 the second is right on all.
    table = pairs({"first": scores(list(range(20)), undecided=list(range(22, 40))), "second": scores(list(range(30)))})
    line = table.iloc[0]
    assert (line["better"], line["worse"], line["newly_right"], line["newly_wrong"]) == ("second", "first", 2, 0)
    assert line["gain"] > 0


def test_one_entry_has_no_pair(three: dict[str, pd.DataFrame]) -> None:
    table = pairs({"weak": three["weak"]})
    assert len(table) == 0
    assert {"better", "gain", "p_holm", "more_than_chance"} <= set(table.columns)


def test_an_entry_scored_on_other_rows_is_named(tmp_path: Path, three: dict[str, pd.DataFrame]) -> None:
    entries = [
        entry(tmp_path, "short", three["weak"].iloc[1:]),
        *(entry(tmp_path, name, table) for name, table in three.items()),
    ]
    with pytest.raises(InputError, match=r"entry 'short' is scored on 39 rows .* 40 rows of 3 others; 'row00'"):
        read_scores(entries)
    assert list(read_scores(entries[1:])) == list(three)


def test_a_row_scored_twice_is_refused(tmp_path: Path, three: dict[str, pd.DataFrame]) -> None:
    twice = pd.concat([three["weak"], three["weak"].iloc[:1]])
    entries = [entry(tmp_path, "one", three["weak"]), entry(tmp_path, "twice", twice)]
    with pytest.raises(InputError, match="entry 'twice' is scored on 41 rows"):
        read_scores(entries)


def test_names_must_differ_and_there_must_be_one(tmp_path: Path, three: dict[str, pd.DataFrame]) -> None:
    one = entry(tmp_path, "one", three["weak"])
    with pytest.raises(InputError, match="2 entries are named 'one'"):
        read_scores([one, one])
    with pytest.raises(InputError, match="at least one entry"):
        read_scores([])


def test_cost_is_what_the_api_charged_or_the_machine_costs(tmp_path: Path, three: dict[str, pd.DataFrame]) -> None:
    table = three["weak"]
    made: dict[str, Counts] = {
        "local": {"rows": 500, "rows_per_s": 2.0, "tokens_per_s": 80.0, "first_token_s": 0.3, "peak_mb": 900.0},
        "api": {"rows": 500, "rows_per_s": 4.0, "usd": 0.25},
        "api of unknown price": {"rows": 500, "rows_per_s": 4.0, "prompt_tokens": 9000, "completion_tokens": 900},
        "silent": {},
        "stopped": {"rows": 0, "rows_per_s": 0.0},
    }
    costs = seconds_and_cost([entry(tmp_path, name, table, counts) for name, counts in made.items()], 0.72)
    costs = costs.set_index("name")
    assert costs.loc["local"].tolist() == pytest.approx([2.0, 80.0, 0.3, 900.0, 1000 / 2.0 / 3600 * 0.72])
    assert costs.loc["api", "usd_per_1000"] == pytest.approx(0.5)
    assert np.isnan(costs.loc["api", "peak_mb"])
    assert costs.loc[["api of unknown price", "silent", "stopped"], "usd_per_1000"].isna().all()


def test_the_frontier_holds_what_nothing_cheaper_matches() -> None:
    table = pd.DataFrame(
        [("dear", 0.9, 9.0), ("cheap", 0.5, 1.0), ("worse", 0.4, 1.0), ("same", 0.5, 2.0), ("free?", 0.99, np.nan)],
        columns=["name", "ex", "usd_per_1000"],
    )
    assert frontier(table) == ["cheap", "dear"]
