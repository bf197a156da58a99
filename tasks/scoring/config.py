"""Settings of the promotion gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.common.section import Section
from tasks.sql.config import Kind

Watched = Literal["en", "ko", Kind, "judge"]


class GateConfig(Section):
    """When a challenger replaces the champion."""

    p_value: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Chance at most that a champion is ever replaced by a model that is no better. The challengers "
        "tried against one champion share it, the first takes a quarter: each has to pass the exact McNemar test at "
        "its own share.",
    )
    min_gain: float = Field(0.0, ge=0, le=1, description="Smallest gain in execution accuracy (0.02 = 2 points).")
    min_rows: int = Field(50, ge=1, description="Fewer rows decided on both sides never promote.")
    must_not_fall: frozenset[Watched] = Field(
        frozenset({"en", "ko", "judge"}),
        description="Languages, kinds of query (such as 'aggregation') and 'judge' (its verdicts, where it agrees well "
        "enough with execution) in which a challenger shown to be worse is rejected, however good it is elsewhere.",
    )
