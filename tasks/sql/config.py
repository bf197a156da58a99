"""Settings of the generated databases on which queries are run."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class SqlConfig(Section):
    """How many databases are made for a schema and how long a query may run."""

    databases: int = Field(20, ge=1, le=100, description="Generated databases for each gold query.")
    seed: int = Field(7, description="Seed of the generated values.")
    query_timeout_s: float = Field(2.0, gt=0, description="Longest a query may run on one database.")
