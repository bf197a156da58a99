"""The subset: which rows of the sources a night uses at all, by domain, kind of query and language."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.data.config import SubsetConfig

GROUPS = ["language", "domain", "complexity"]
NAMED_DOMAINS = 50  # in a table of counts; data with a database for every row would have a line for every row
OTHERS = "all others"


def select(rows: pd.DataFrame, subset: SubsetConfig) -> pd.DataFrame:
    """The rows of the domains, kinds of query and languages asked for.

    A row of which one of these is not known stays: validation has to say what is wrong with it.

    Raises:
        InputError: a domain that no row has, or no row is left.
    """
    absent = sorted(set(subset.domains or ()) - set(rows["domain"].dropna()))
    if absent:
        raise InputError(
            f"data.subset.domains: no row is of the domain {', '.join(absent)}; {_present(rows, 'domain')}"
        )
    wanted = {"domain": subset.domains, "complexity": subset.kinds, "language": subset.languages}
    for column, values in wanted.items():
        before = rows
        if values is not None:
            rows = rows[rows[column].isna() | rows[column].isin(values)]
        if rows.empty and not before.empty:
            key = "kinds" if column == "complexity" else f"{column}s"
            raise InputError(f"data.subset.{key}: no row is of {', '.join(values or ())}; {_present(before, column)}")
    return rows


def _present(rows: pd.DataFrame, column: str) -> str:
    counts = rows[column].value_counts()
    named = ", ".join(f"{name} ({count} rows)" for name, count in counts.head(20).items())
    return f"found: {named or 'none'}" + (f" and {len(counts) - 20} more" if len(counts) > 20 else "")


def count_groups(rows: pd.DataFrame, split: str) -> list[dict[str, Any]]:
    """Rows by language, domain and kind of query, each line also with the name of the `split`.

    Domains after the `NAMED_DOMAINS` largest are counted together.
    """
    largest = rows["domain"].value_counts().index[:NAMED_DOMAINS]
    told = rows.assign(domain=rows["domain"].where(rows["domain"].isin(largest) | rows["domain"].isna(), OTHERS))
    sizes = told.groupby(GROUPS, dropna=False).size().rename("rows").reset_index()
    sizes = sizes.astype(object).where(sizes.notna(), None)
    sizes.insert(0, "split", split)
    return [dict(zip(sizes.columns, values, strict=True)) for values in sizes.values.tolist()]
