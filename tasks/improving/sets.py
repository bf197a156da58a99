"""What is learned from verified answers: the right ones, and pairs of a right and a wrong one.

    question      answers of the model      rejection set      pairs (right > wrong)
    always right  A A A A'                  a few, as A        none: there is nothing wrong
    sometimes     A A B C                   A                  A > B, A > C
    never         B B C -                   the gold           gold > B, gold > C
    open          execution decides nothing, and nothing is learned

Answers that are one query in other words (`form`) count once. The functions are pure: the order of what they are
given and `seed` decide everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd

ALWAYS, SOMETIMES, NEVER, OPEN = STATUSES = ("always", "sometimes", "never", "open")
PAIRS = ["example_id", "db_id", "context", "question", "chosen", "rejected"]


def statuses(verified: pd.DataFrame) -> pd.Series:
    """How the model does on each question: one of `STATUSES`, indexed by `example_id`, in the order of `verified`.

    'always' means that every answer was right, 'sometimes' and 'never' that some or none was and one was wrong.
    """
    found = verified.groupby("example_id", sort=False)["verdict"].agg(set)
    return found.map(_status).rename("status")


def _status(verdicts: set[str]) -> str:
    if verdicts == {"right"}:
        return ALWAYS
    if "wrong" not in verdicts:
        return OPEN
    return SOMETIMES if "right" in verdicts else NEVER


def rejection_set(questions: pd.DataFrame, verified: pd.DataFrame, kept_share: float, seed: int) -> pd.DataFrame:
    """Rows to learn: right answers in the model's own words, the gold where it found none.

    Args:
        questions: training rows with unique `example_id`.
        verified: the answers to them (see `verify`).
        kept_share: questions always right that are kept, for each one that is not.
        seed: which of them.

    Returns:
        Rows with the columns of `questions`, in its order; a question with several right answers has several. An
        own answer is `answer`; `own` says whether it is one.
    """
    known = questions.assign(status=questions["example_id"].map(statuses(verified)).fillna(OPEN))
    missed = known["status"].isin((SOMETIMES, NEVER))
    kept = _drawn(known.loc[known["status"] == ALWAYS, "example_id"], round(kept_share * missed.sum()), seed)
    rows = known[missed | known["example_id"].isin(kept)]
    own = _distinct(verified[(verified["verdict"] == "right") & verified["complete"]])
    # Of what is always right one answer is enough: it is there to be remembered.
    own = own[~own["example_id"].isin(kept) | ~own.duplicated("example_id")]
    learned = rows.merge(own[["example_id", "answer"]].rename(columns={"answer": "said"}), on="example_id", how="left")
    learned["own"] = learned["said"].notna()
    learned["answer"] = learned["said"].fillna(learned["answer"])
    return learned[[*questions.columns, "own"]]


def preference_pairs(questions: pd.DataFrame, verified: pd.DataFrame, most: int) -> pd.DataFrame:
    """Pairs with the columns `PAIRS`, at most `most` a question, in the order of `questions`.

    Chosen is a right answer of the model if there is one, else the gold; rejected are its wrong answers, most
    frequent first: what it says most often is what it has to unlearn.
    """
    usable = verified[verified["complete"]]
    right = _distinct(usable[usable["verdict"] == "right"]).groupby("example_id")["answer"].agg(list)
    wrong = _distinct(usable[usable["verdict"] == "wrong"]).groupby("example_id")["answer"].agg(list)
    pairs = []
    for row in questions.itertuples():
        chosen: list[str] = right.get(row.example_id, [row.answer])
        for number, rejected in enumerate(wrong.get(row.example_id, [])[:most]):
            pairs.append((row.example_id, row.db_id, row.context, row.question, chosen[number % len(chosen)], rejected))
    return pd.DataFrame(pairs, columns=PAIRS, dtype="str")


def counts(
    questions: pd.DataFrame, verified: pd.DataFrame, learned: pd.DataFrame, pairs: pd.DataFrame
) -> dict[str, int]:
    """Figures of a round: questions by status, right answers, rows and pairs made."""
    found = statuses(verified).value_counts()
    return {
        "questions": len(questions),
        "answers": len(verified),
        "right_answers": int((verified["verdict"] == "right").sum()),
        **{f"{name}_right" if name != OPEN else OPEN: int(found.get(name, 0)) for name in STATUSES},
        "rows": len(learned),
        "own_answers": int(learned["own"].sum()),
        "pairs": len(pairs),
    }


def _distinct(answers: pd.DataFrame) -> pd.DataFrame:
    """One answer of each form, in the words said first; the most frequent of a question first."""
    first = answers.drop_duplicates(["example_id", "form"])
    times = answers.groupby(["example_id", "form"], sort=False).size().rename("times").reset_index()
    return first.merge(times, on=["example_id", "form"]).sort_values("times", ascending=False, kind="stable")


def _drawn(names: Sequence[str] | pd.Series, count: int, seed: int) -> set[str]:
    """`count` of `names`, decided by a hash, so that one more name does not change the others."""
    return set(sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())[:count])
