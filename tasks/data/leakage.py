"""Leakage: training rows that give an evaluation row away are dropped, questions merely alike are reported."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from tasks.common.progress import Progress, silent

CELLS = 8_000_000  # similarities held at once: 32 MB

NEAR_COLUMNS = ("train_id", "eval_id", "train_question", "eval_question", "ratio")


def drop_leaked(train: pd.DataFrame, evaluation: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop training rows that share a question, context and answer, or a schema with an evaluation row.

    Texts are compared after NFKC, case folding and joining white space.

    Returns:
        The rows kept, and how many were dropped by kind ('question', 'answer', 'schema'). A row that is
        dropped for several kinds counts in each.
    """
    theirs, ours = _keys(evaluation), _keys(train)
    shared = {kind: ours[kind].isin(theirs[kind]) for kind in ours}
    leaked = pd.DataFrame(shared, index=train.index).any(axis="columns")
    return train[~leaked], {kind: int(hit.sum()) for kind, hit in shared.items()}


def _keys(rows: pd.DataFrame) -> dict[str, pd.Series]:
    schema = rows["context"].map(normalised)
    answer = rows["answer"].map(normalised)
    return {"question": rows["question"].map(normalised), "answer": schema + "\n" + answer, "schema": schema}


def normalised(text: str) -> str:
    """The text as leakage compares it: NFKC, case folded, white space joined."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_duplicates(
    train: pd.DataFrame, evaluation: pd.DataFrame, ratio: float, progress: Progress = silent
) -> pd.DataFrame:
    """For each evaluation question the training question most like it, if at least `ratio` alike.

    Alike is rapidfuzz's `token_sort_ratio` (0-100): edit similarity of the words in alphabetical order.
    Such pairs often differ in one constant and mean different queries, so they are told, not dropped.

    Returns:
        train_id, eval_id, train_question, eval_question and ratio, the most alike first.
    """
    ours = [normalised(text) for text in train["question"]]
    theirs = [normalised(text) for text in evaluation["question"]]
    step = max(1, CELLS // max(1, len(ours)))
    nearest: list[int] = []
    ratios: list[float] = []
    for start in range(0, len(theirs), step):
        chunk = theirs[start : start + step]
        alike = process.cdist(
            chunk, ours, scorer=fuzz.token_sort_ratio, score_cutoff=ratio, dtype=np.float32, workers=1
        )
        best = alike.argmax(axis=1)
        nearest.extend(best.tolist())
        ratios.extend(alike[np.arange(len(chunk)), best].tolist())
        progress(start + len(chunk), len(theirs), "evaluation questions compared")
    pairs = pd.DataFrame(
        {
            "train_id": train["example_id"].to_numpy()[nearest],
            "eval_id": evaluation["example_id"].to_numpy(),
            "train_question": train["question"].to_numpy()[nearest],
            "eval_question": evaluation["question"].to_numpy(),
            "ratio": np.round(ratios, 1),
        },
        columns=list(NEAR_COLUMNS),
    )
    hits = pairs[pairs["ratio"] > 0]  # cdist gives 0 to what is below the cut-off
    return hits.sort_values(["ratio", "eval_id"], ascending=[False, True], ignore_index=True)
