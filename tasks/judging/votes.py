"""More verdicts where judge and execution disagree: one of the two is wrong, and chance should not say which."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from tasks.judging.agreement import decided_by_both

Ask = Callable[[pd.DataFrame, int], pd.DataFrame]


def vote(rows: pd.DataFrame, table: pd.DataFrame, scores: pd.DataFrame, votes: int, ask: Ask) -> pd.DataFrame:
    """Ask again about the rows on which judge and execution disagree; the majority's word counts.

    Args:
        rows: all judged rows, by example_id.
        table: their first verdicts, as `judge_rows` gives them, also in a column `votes`.
        scores: DataFrame[example_id, outcome, correct].
        votes: verdicts wanted on each such row, the first among them.
        ask: verdicts on some of the rows, given them and the number of the vote from 1.

    Returns:
        `table` with the majority's verdicts (the first one's at a tie), tokens and `attrs` summed, and in `votes`
        all words on a row, e.g. 'no yes yes'.
    """
    both = decided_by_both(table, scores)
    disputed = both.loc[(both["verdict"] == "yes") != both["correct"].astype(bool), "example_id"]
    at = table["example_id"].isin(disputed)
    asked = rows[rows["example_id"].isin(disputed)]
    for number in range(1, votes) if len(asked) else ():
        more = ask(asked, number)
        found = more.set_index("example_id").loc[table.loc[at, "example_id"]]
        table.loc[at, "votes"] += " " + found["verdict"].to_numpy()
        for tokens in ("prompt_tokens", "completion_tokens"):
            table.loc[at, tokens] += found[tokens].to_numpy()
        table.loc[at & table["example_id"].isin(more.loc[more["origin"] == "judge", "example_id"]), "origin"] = "judge"
        for figure in ("usd", "estimated_usd"):
            table.attrs[figure] = round(table.attrs[figure] + more.attrs[figure], 4)
    table["verdict"] = [_majority(words.split()) for words in table["votes"]]
    return table


def _majority(words: list[str]) -> str:
    if "error" in words:
        return "error"  # a vote is missing, and asked for by the next run
    yes, no = words.count("yes"), words.count("no")
    return words[0] if yes == no else "yes" if yes > no else "no"
