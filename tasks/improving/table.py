"""A round in figures, for people."""

from __future__ import annotations

import pandas as pd

from tasks.improving.sets import STATUSES, statuses


def round_table(
    questions: pd.DataFrame, verified: pd.DataFrame, learned: pd.DataFrame, pairs: pd.DataFrame
) -> pd.DataFrame:
    """How the model did and what is made of it: a line for all questions, then one for each kind of query.

    Columns: `kind of query`, `questions`, `answers`, `right answers` (share of the answers, in percent), how many
    questions were right `always`, `sometimes`, `never` or are `open`, `rows` and `pairs` made.
    """
    kinds = questions.set_index("example_id")["complexity"]
    status = statuses(verified)
    groups = [("all", kinds.index), *((str(kind), ids.index) for kind, ids in kinds.groupby(kinds))]
    lines = []
    for name, ids in groups:
        answers = verified[verified["example_id"].isin(ids)]
        counted = status[status.index.isin(ids)].value_counts()
        lines.append(
            {
                "kind of query": name,
                "questions": len(ids),
                "answers": len(answers),
                "right answers": f"{(answers['verdict'] == 'right').mean():.1%}",
                **{one: int(counted.get(one, 0)) for one in STATUSES},
                "rows": int(learned["example_id"].isin(ids).sum()),
                "pairs": int(pairs["example_id"].isin(ids).sum()),
            }
        )
    return pd.DataFrame(lines)
