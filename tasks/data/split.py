"""Split by database and draw a sample: which rows a night trains on and which it is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

from tasks.common.errors import InputError
from tasks.data.config import Language

IDS_SHOWN = 20


class Shortfall(TypedDict):
    """More rows of a language were asked for than there are; all of them were taken."""

    language: str
    asked: int
    found: int


def split_by_database(rows: pd.DataFrame, holdout: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows into (train, eval): eval has the databases in `holdout`, train all others.

    Raises:
        InputError: a held-out id is not in the data, or no row is left to train on.
    """
    present = rows["db_id"].value_counts()
    shown = ", ".join(f"{name} ({count} rows)" for name, count in present.head(IDS_SHOWN).items())
    more = f" and {len(present) - IDS_SHOWN} more" if len(present) > IDS_SHOWN else ""
    ids = f"db_ids of the fit rows: {shown or 'none'}{more}"
    unknown = [name for name in holdout if name not in present.index]
    if unknown:
        raise InputError(f"data.holdout_db_ids: no fit row has the db_id {', '.join(unknown)}; {ids}")
    held_out = rows["db_id"].isin(list(holdout))
    if held_out.all():
        raise InputError(f"data.holdout_db_ids: holds out every row, nothing is left to train on; {ids}")
    return rows[~held_out], rows[held_out]


def draw(
    rows: pd.DataFrame, per_language: Mapping[Language, int] | None, seed: int
) -> tuple[pd.DataFrame, list[Shortfall]]:
    """Draw rows evenly over (domain, complexity), in an order that only the seed and the rows decide.

    Each cell is shuffled by a hash of seed and example_id; then the first of every cell is taken, then the
    second of every cell, until there are enough. The order of `rows` does not matter.

    Args:
        rows: rows with unique `example_id`.
        per_language: rows to draw of each language, none of a language not named; None takes all rows.
        seed: of the shuffle.

    Returns:
        The rows drawn, and for which languages there were too few.
    """
    ticket = rows["example_id"].map(lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())
    shuffled = rows.assign(_ticket=ticket).sort_values("_ticket")
    shuffled["_turn"] = shuffled.groupby(["language", "domain", "complexity"], dropna=False).cumcount()
    ordered = shuffled.sort_values(["_turn", "_ticket"]).drop(columns=["_turn", "_ticket"])
    if per_language is None:
        return ordered, []
    found = ordered["language"].value_counts()
    short = [
        Shortfall(language=language, asked=asked, found=int(found.get(language, 0)))
        for language, asked in per_language.items()
        if asked > found.get(language, 0)
    ]
    nth = ordered.groupby("language").cumcount()
    wanted = ordered["language"].map(dict(per_language)).fillna(0)
    return ordered[nth < wanted], short
