"""Settings of the promotion gate."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class GateConfig(Section):
    """When a challenger replaces the champion."""

    p_value: float = Field(0.05, gt=0, lt=1, description="Largest p of the exact McNemar test for a promotion.")
    min_gain: float = Field(0.0, ge=0, le=1, description="Smallest gain in execution accuracy (0.02 = 2 points).")
    min_rows: int = Field(50, ge=1, description="Fewer rows decided on both sides never promote.")
