"""Settings of the report."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class ReportConfig(Section):
    """What the report shows, and where else the night is logged."""

    examples: int = Field(
        8, ge=0, description="Answers shown of each sort (newly right, newly wrong, judge disagrees)."
    )
    url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Address at which the store's folder `reports` is served, if it is: artifacts link to the pages.",
    )
    mlflow: str | None = Field(
        None,
        min_length=1,
        description="MLflow tracking URI (a server's address, or sqlite:///FILE), to which parameters, metrics and the "
        "report of every night are logged too. Needs the extra `mlflow`.",
    )
