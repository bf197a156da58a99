"""References to what a night made of one model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tasks.common.store import StageOutput


class ModelRefs(BaseModel):
    """One model's answers, their scores and, where there was a judge, its verdicts.

    `label` is the model's name as people read it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    predictions: StageOutput
    scores: StageOutput
    verdicts: StageOutput | None = None
