"""Settings of the report."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class ReportConfig(Section):
    """What the report shows."""

    examples: int = Field(
        8, ge=0, description="Answers shown of each sort (newly right, newly wrong, judge disagrees)."
    )
