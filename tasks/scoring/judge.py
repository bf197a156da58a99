"""What is to be said of the judge tonight: how far it agrees with execution over all it judged."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.judging.agreement import Agreement, agreement


def pooled_agreement(models: Sequence[tuple[pd.DataFrame, pd.DataFrame]], min_kappa: float) -> Agreement | None:
    """Agreement of judge and execution over the answers of all models together.

    Args:
        models: for each judged model its verdicts and its scores.
        min_kappa: below this the judge is not trusted.

    Returns:
        None when nothing was judged.
    """
    verdicts = [_apart(table, number) for number, (table, _) in enumerate(models)]
    scores = [_apart(table, number) for number, (_, table) in enumerate(models)]
    if not sum(map(len, verdicts)):
        return None
    return agreement(pd.concat(verdicts), pd.concat(scores), min_kappa)


def judged_of_both(models: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """The rows on which the judge said yes or no of champion and challenger.

    Args:
        models: verdicts and scores of the champion, then of the challenger; no line is found if one was not judged.

    Returns:
        Booleans `champion` and `challenger`: whether the judge said yes.
    """
    said = [v[v["verdict"].isin(("yes", "no"))].set_index("example_id")["verdict"].eq("yes") for v, _ in models]
    if len(said) < 2:
        return pd.DataFrame({"champion": [], "challenger": []}, dtype=bool)
    return pd.concat(said, axis=1, join="inner", keys=["champion", "challenger"])


def judge_note(found: Agreement | None) -> str:
    """The agreement in a sentence or two."""
    if found is None:
        return "No judge was asked tonight. Execution accuracy decides."
    return f"Judge {found.explanation[0].lower()}{found.explanation[1:]} Execution accuracy decides."


def _apart(table: pd.DataFrame, number: int) -> pd.DataFrame:
    return table.assign(example_id=[f"{one}#{number}" for one in table["example_id"]])
