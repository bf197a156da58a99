"""Settings of batch inference."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class InferenceConfig(Section):
    """How SQL is generated (always greedily). Champion and challenger are generated alike."""

    batch_size: int = Field(56, ge=1, description="Prompts answered at once.")
    max_new_tokens: int = Field(160, ge=8, description="Longest answer in tokens.")
    deadline_s: float = Field(2 * 3600, gt=0, description="Generation is stopped after this many seconds.")
