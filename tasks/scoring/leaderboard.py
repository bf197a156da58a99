"""The leaderboard: any number of systems on the same rows, in order, pair by pair, and what their answers cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.store import Counts
from tasks.scoring.accuracy import measures, parts
from tasks.scoring.gate import pair, paired_result
from tasks.scoring.refs import Entry
from tasks.scoring.statistics import holm

LEVEL = 0.05  # the largest p after Holm at which a difference is called more than chance

SHARES = ["rows", "undecided", "ex", "ex_low", "ex_high"]
COMPARED = ["rows", "gain", "gain_low", "gain_high", "newly_right", "newly_wrong", "p_value"]
SPEED = ["rows_per_s", "tokens_per_s", "first_token_s", "peak_mb"]

Scores = Mapping[str, pd.DataFrame]  # by entry name, with the columns of `tasks.scoring.score.COLUMNS`


def read_scores(entries: Sequence[Entry]) -> dict[str, pd.DataFrame]:
    """The scores of every entry, by its name.

    Raises:
        InputError: no entry, two of one name, or one that was scored on other rows than most.
    """
    if not entries:
        raise InputError("leaderboard: expected at least one entry that was scored; there is none")
    name, times = Counter(entry.name for entry in entries).most_common(1)[0]
    if times > 1:
        raise InputError(f"leaderboard: {times} entries are named '{name}'; every entry needs a name of its own")
    scores = {entry.name: pd.read_parquet(entry.scores.file("scores.parquet")) for entry in entries}
    _check_rows(scores)
    return scores


def _check_rows(scores: Scores) -> None:
    rows = {name: tuple(sorted(table["example_id"])) for name, table in scores.items()}
    usual, times = Counter(rows.values()).most_common(1)[0]
    for name, found in rows.items():
        if found != usual:
            apart = set(found) ^ set(usual)
            example = f"; '{min(apart)}' is scored for one side only" if apart else ""
            raise InputError(
                f"leaderboard: entry '{name}' is scored on {len(found)} rows that are not the {len(usual)} rows of "
                f"{times} other{'s' if times > 1 else ''}{example}; all entries must answer the same rows"
            )


def standings(scores: Scores) -> pd.DataFrame:
    """The entries, best execution accuracy first.

    Returns:
        `rank` (equal accuracies share one), `name`, `rows`, `undecided`, the share `ex` of the decided rows with its
        95% Wilson interval `ex_low`, `ex_high`, and the share `em` of exact matches.
    """
    table = pd.DataFrame([{"name": name, **measures(rows)} for name, rows in scores.items()])
    table["rank"] = table["ex"].rank(ascending=False, method="min", na_option="bottom").astype(int)
    return table.sort_values("rank", kind="stable", ignore_index=True)[["rank", "name", *SHARES, "em"]]


def standings_by(scores: Scores, group: str) -> pd.DataFrame:
    """Execution accuracy by the values of the column `group` ('language', 'complexity'), in the order of `standings`.

    Returns:
        One line for each entry and group, the largest group first: `name`, `group` and the columns `SHARES`.
    """
    lines = [
        {"name": name, "group": value, **measures(part)}
        for name in standings(scores)["name"]
        for value, part in parts(scores[name], group).items()
    ]
    return pd.DataFrame(lines)[["name", "group", *SHARES]]


def pairs(scores: Scores) -> pd.DataFrame:
    """Every two entries against each other, on the rows that execution decided for both.

    Returns:
        `better` and `worse` (as in `standings` where they are equal), `rows`, the share `gain` with its 95% interval
        `gain_low`, `gain_high`, `newly_right` and `newly_wrong` (rows on which only the better, only the worse is
        right), `p_value` of the exact McNemar test, `p_holm` adjusted for all pairs, and `more_than_chance`
        (`p_holm` at most `LEVEL`). No line for a single entry.
    """
    lines = [_pair_line(scores, first, second) for first, second in combinations(standings(scores)["name"], 2)]
    table = pd.DataFrame(lines, columns=["better", "worse", *COMPARED])
    table["p_holm"] = holm(table["p_value"])
    table["more_than_chance"] = table["p_holm"] <= LEVEL
    return table


def _pair_line(scores: Scores, better: str, worse: str) -> dict[str, Any]:
    told = pair(scores[worse], scores[better]).query("decided")
    result = paired_result(told)
    if result.gain < 0:  # on the rows decided for both, the order may be the other way round
        return _pair_line(scores, worse, better)
    return {"better": better, "worse": worse, **result.model_dump(include=set(COMPARED))}


def seconds_and_cost(entries: Sequence[Entry], usd_per_hour: float) -> pd.DataFrame:
    """How fast the entries answer, and what 1,000 answers cost.

    Args:
        entries: in any order.
        usd_per_hour: price of the machine that local models run on.

    Returns:
        One line an entry, in their order: `name`, `rows_per_s`, `tokens_per_s`, `first_token_s`, `peak_mb` and
        `usd_per_1000`: for an API model, known by the tokens it counts, the `usd` it took; for a local one what the
        machine costs in that time. NaN for what an engine does not tell, as an API whose price is not known.
    """
    lines = [
        {
            "name": entry.name,
            **{figure: _count(entry.predictions.counts, figure) for figure in SPEED},
            "usd_per_1000": _usd_per_1000(entry.predictions.counts, usd_per_hour),
        }
        for entry in entries
    ]
    return pd.DataFrame(lines)


def _usd_per_1000(counts: Counts, usd_per_hour: float) -> float:
    if counts.keys() & {"usd", "prompt_tokens"}:
        return _ratio(1000 * _count(counts, "usd"), _count(counts, "rows"))
    return _ratio(1000 / 3600 * usd_per_hour, _count(counts, "rows_per_s"))


def _ratio(value: float, by: float) -> float:
    return value / by if by else float("nan")


def _count(counts: Counts, figure: str) -> float:
    return float(counts.get(figure, "nan"))


def frontier(table: pd.DataFrame) -> list[str]:
    """The entries than which none is both as cheap and as accurate, cheapest first.

    Args:
        table: `name`, `ex` and `usd_per_1000`; an entry without one of them is left out.
    """
    priced = table.dropna(subset=["ex", "usd_per_1000"]).sort_values(
        ["usd_per_1000", "ex"], ascending=[True, False], kind="stable"
    )
    return list(priced["name"][priced["ex"] > priced["ex"].cummax().shift(fill_value=-1.0)])
