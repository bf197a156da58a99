"""References to what was made of one model: by a night, or for the leaderboard."""

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


class Entry(BaseModel):
    """One system on the leaderboard: a model and how it was asked, its answers and their scores.

    Attributes:
        name: as people read it; no other entry has it.
        about: what it is, keys as people read them, in order: model, prompt, engine, precision, batch.
        predictions: its counts may hold `rows`, `rows_per_s`, `tokens_per_s`, `first_token_s` (mean seconds until the
            first token of an answer), `peak_mb`, and for an API model also `prompt_tokens`, `completion_tokens` and
            `usd`; what an engine cannot tell is missing.
        scores: scores.parquet with `tasks.scoring.score.COLUMNS`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: dict[str, str]
    predictions: StageOutput
    scores: StageOutput
