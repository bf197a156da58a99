"""Leakage: training rows that give an evaluation row away, found and told one by one.

A training row leaks if it shares the database, the schema, the question, or schema and answer with an evaluation
row. A question merely alike is told; whether it is dropped is configuration.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from tasks.common.progress import Progress, silent
from tasks.data.config import LeakageConfig

CELLS = 8_000_000  # similarities held at once: 32 MB
NEAR = "near question"
COLUMNS = ("source", "row", "train_id", "eval_id", "shares", "ratio", "dropped", "train_question", "eval_question")

# What two spellings of one schema differ in: quotes, comments, what makes no table, and the order of tables.
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_QUOTES = str.maketrans("", "", '`"[]')


def find_leaks(
    train: pd.DataFrame, evaluation: pd.DataFrame, config: LeakageConfig, progress: Progress = silent
) -> pd.DataFrame:
    """Every training row that shares something with an evaluation row, with the row it shares it with.

    Args:
        train: rows with a unique `example_id`, indexed by `row`.
        evaluation: the same.
        config: from what ratio on questions are told, and from what ratio on they are dropped.
        progress: hears (done, total, 'training questions compared').

    Returns:
        The columns `COLUMNS`, a line for each training row and thing shared: 'database', 'schema', 'question',
        'answer' (together with the schema) or 'near question'. `ratio` is how alike the questions are
        (`near_duplicates`), 100 for what is shared exactly; a row of which a line is `dropped` must not be
        trained on.
    """
    exact = _exact(train, evaluation)
    rest = train[~train["example_id"].isin(exact["train_id"])]
    near = near_duplicates(rest, evaluation, config.near_duplicate_ratio, progress)
    near["dropped"] = near["ratio"] >= (101.0 if config.drop_ratio is None else config.drop_ratio)
    told = train.reset_index()[["source", "row", "example_id", "question"]]
    told = told.rename(columns={"example_id": "train_id", "question": "train_question"})
    asked = evaluation[["example_id", "question"]].rename(
        columns={"example_id": "eval_id", "question": "eval_question"}
    )
    found = pd.concat([exact, near], ignore_index=True)
    return found.merge(told, on="train_id", how="left").merge(asked, on="eval_id", how="left")[list(COLUMNS)]


def _exact(train: pd.DataFrame, evaluation: pd.DataFrame) -> pd.DataFrame:
    ours, theirs = _keys(train), _keys(evaluation)
    parts = []
    for shares, key in ours.items():
        holders = pd.Series(evaluation["example_id"].to_numpy(), index=theirs[shares].to_numpy(), dtype="str")
        eval_id = key.map(holders[~holders.index.duplicated()])
        parts.append(pd.DataFrame({"train_id": train["example_id"], "eval_id": eval_id, "shares": shares}).dropna())
    return pd.concat(parts, ignore_index=True).assign(ratio=100.0, dropped=True)


def _keys(rows: pd.DataFrame) -> dict[str, pd.Series]:
    schemas = {context: normalised_schema(context) for context in rows["context"].unique()}
    schema = rows["context"].map(schemas)
    return {
        "database": rows["db_id"],
        "schema": schema,
        "question": rows["question"].map(normalised),
        "answer": schema + "\n" + rows["answer"].map(normalised),
    }


def normalised(text: str) -> str:
    """The text as leakage compares it: NFKC, case folded, white space joined."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normalised_schema(context: str) -> str:
    """The tables of a context as leakage compares them: the CREATE TABLE statements alone, sorted.

    Quotes, comments, white space, IF NOT EXISTS, rows that are inserted and the order of tables do not count.
    """
    plain = normalised(_COMMENT.sub(" ", context)).translate(_QUOTES).replace("if not exists ", "")
    statements = (re.sub(r"\s*([(),])\s*", r"\1", part.strip()) for part in plain.split(";"))
    tables = sorted(part for part in statements if part.startswith("create table "))
    return ";".join(tables) or plain


def near_duplicates(
    train: pd.DataFrame, evaluation: pd.DataFrame, ratio: float, progress: Progress = silent
) -> pd.DataFrame:
    """For each training question at least `ratio` alike to an evaluation question, the one most like it.

    Alike is rapidfuzz's `token_sort_ratio` (0-100): edit similarity of the words in alphabetical order. Such pairs
    often differ in one constant and mean different queries.

    Returns:
        train_id, eval_id, shares ('near question') and ratio, the most alike first.
    """
    ours, theirs = _by_question(train), _by_question(evaluation)
    best = np.zeros(len(ours), dtype=np.float32)
    nearest = np.zeros(len(ours), dtype=np.int64)
    for mine, others in _blocks(ours["chars"].to_numpy(), theirs["chars"].to_numpy(), ratio):
        if others.start < others.stop:
            alike = process.cdist(
                ours["words"].iloc[mine].tolist(),
                theirs["words"].iloc[others].tolist(),
                scorer=fuzz.ratio,
                score_cutoff=ratio,
                dtype=np.float32,
                workers=-1,
            )
            best[mine] = alike.max(axis=1)
            nearest[mine] = others.start + alike.argmax(axis=1)
        progress(mine.stop, len(ours), "training questions compared")
    hits = ours.assign(ratio=best.astype(float).round(1), nearest=nearest)[best >= ratio]
    hits["eval_id"] = theirs["example_id"].to_numpy()[hits["nearest"]]
    pairs = pd.DataFrame({"train_id": train["example_id"], "words": train["question"].map(_words)})
    pairs = pairs.merge(hits[["words", "eval_id", "ratio"]], on="words").assign(shares=NEAR)
    ordered = pairs.sort_values(["ratio", "train_id"], ascending=[False, True], ignore_index=True)
    return ordered[["train_id", "eval_id", "shares", "ratio"]]


def _words(question: str) -> str:
    return " ".join(sorted(normalised(question).split()))


def _by_question(rows: pd.DataFrame) -> pd.DataFrame:
    """Each distinct question once, as its sorted `words`, shortest first."""
    table = rows[["example_id"]].assign(words=rows["question"].map(_words)).drop_duplicates("words")
    return table.assign(chars=table["words"].str.len()).sort_values(["chars", "words"], ignore_index=True)


def _blocks(ours: np.ndarray, theirs: np.ndarray, ratio: float) -> Iterator[tuple[slice, slice]]:
    """Pieces of two ascending lists of lengths that may hold texts `ratio` alike, of at most `CELLS` pairs.

    Texts of n <= m characters are at most 200 n / (n + m) alike, so far longer and far shorter ones are passed over.
    """
    reach = 200 / ratio - 1
    start = 0
    while start < len(ours):
        stop = min(len(ours), start + max(1, CELLS // max(1, len(theirs))))
        # A block wide in length would compare with everything: it ends where lengths have grown by a tenth.
        stop = min(stop, max(start + 1, int(np.searchsorted(ours, ours[start] * 1.1, side="right"))))
        low = int(np.searchsorted(theirs, ours[start] / reach - 1, side="left"))
        high = int(np.searchsorted(theirs, ours[stop - 1] * reach + 1, side="right"))
        yield slice(start, stop), slice(low, high)
        start = stop
