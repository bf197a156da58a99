"""Settings of the generated databases on which queries are run."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from tasks.common.section import Section

# What a query is made of, from the plainest to the most demanding: the classes of the published Text-to-SQL sets.
Kind = Literal[
    "basic SQL",
    "aggregation",
    "single join",
    "multiple joins",
    "subqueries",
    "window functions",
    "set operations",
    "CTEs",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class SqlConfig(Section):
    """How many databases are made for a schema and how long a query may run."""

    databases: int = Field(20, ge=1, le=100, description="Generated databases for each gold query.")
    seed: int = Field(7, description="Seed of the generated values.")
    query_timeout_s: float = Field(
        1.0, gt=0, description="CPU seconds that one prediction may take on all databases together."
    )
    any_column_order: bool = Field(
        False, description="Accept the right columns in another order (answers of up to 6 columns)."
    )
    significant_digits: int = Field(
        9, ge=1, le=15, description="Numbers with a fraction are the same if they are when rounded to so many digits."
    )
    engine_url_env: str | None = Field(
        None,
        description="Name of an environment variable with a SQLAlchemy URL: gold and predictions are then run on that "
        "MySQL, MariaDB or PostgreSQL server instead of SQLite, in schemas made for them and dropped afterwards.",
    )
