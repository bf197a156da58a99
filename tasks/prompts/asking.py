"""Help for a model that was not tuned: examples before the question, and column names in it."""

from __future__ import annotations

import re

import pandas as pd
from rapidfuzz import fuzz, process

from tasks.prompts.columns import names
from tasks.prompts.config import AskingConfig

SHOWN = ["context", "question", "answer"]
_WORD = re.compile(r"[^\W\d]\w*")


def help_with(rows: pd.DataFrame, training: pd.DataFrame, config: AskingConfig) -> pd.DataFrame:
    """Rows as they are asked.

    Args:
        rows: columns `example_id`, `context`, `question`.
        training: rows with an `answer`, to take examples from.
        config: how many examples, and how alike a word has to be to a column's name.

    Returns:
        `rows` with other questions, and with a column `examples` that `Prompt` shows first (context, question and
        answer of each).
    """
    asked = rows.copy()
    if config.match_columns is not None:
        pairs = zip(rows["question"], rows["context"], strict=True)
        asked["question"] = [with_column_names(question, context, config.match_columns) for question, context in pairs]
    if config.examples:
        asked["examples"] = pd.Series(nearest(rows, training, config.examples), index=rows.index, dtype=object)
    return asked


def with_column_names(question: str, context: str, alike: float) -> str:
    """`question`, in which words that are at least `alike` % the name of a column of `context` are that name.

    Meant are inflected and misspelt names ("customers" for `customer`, "UnitPrice" for `unit_price`). The case of
    letters is not looked at, and of several columns the most alike is taken.
    """
    lower = {column.lower(): column for columns in names(context).values() for column in columns}

    def matched(word: re.Match[str]) -> str:
        found = process.extractOne(word[0].lower(), lower.keys(), scorer=fuzz.ratio, score_cutoff=alike)
        return lower[found[0]] if found else word[0]

    return _WORD.sub(matched, question)


def nearest(rows: pd.DataFrame, training: pd.DataFrame, count: int) -> list[list[dict[str, str]]]:
    """For each row the `count` training rows most like it, the most alike last, where it stands beside the question.

    Half of the likeness is that of the tables' and columns' names, half that of the questions' words. No two examples
    of a row have the same answer, and none is its own question on its own schema.
    """
    pool = training.drop_duplicates(["context", "question"]).reset_index(drop=True)
    schemas = pd.unique(pd.concat([rows["context"], pool["context"]]))
    place = {schema: i for i, schema in enumerate(schemas)}
    described = [_words(schema) for schema in schemas]
    between = process.cdist(described, described, scorer=fuzz.token_set_ratio)
    pool_places = pool["context"].map(place).to_numpy()
    shown = []
    for context, question in zip(rows["context"], rows["question"], strict=True):
        words = process.cdist([question.lower()], pool["question"].str.lower(), scorer=fuzz.token_sort_ratio)[0]
        likeness = words + between[place[context], pool_places]
        taken: dict[str, dict[str, str]] = {}
        for i in (-likeness).argsort(kind="stable"):
            example = {name: str(pool.at[i, name]) for name in SHOWN}
            if (example["context"], example["question"]) != (context, question):
                taken.setdefault(example["answer"].strip().rstrip(";"), example)
            if len(taken) == count:
                break
        shown.append(list(reversed(taken.values())))
    return shown


def _words(context: str) -> str:
    """The words that the names of a schema are made of."""
    found = " ".join(name for table, columns in names(context).items() for name in (table, *columns))
    return found.replace("_", " ").lower() or context.lower()
