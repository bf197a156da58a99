"""Settings of a round of improvement."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt

from tasks.common.section import Section
from tasks.data.config import Language

Method = Literal["rejection", "dpo", "grpo"]
ENGLISH: dict[Language, NonNegativeInt] = {"en": 300}  # the bundled model reads Korean badly


class ImproveConfig(Section):
    """Learning from the model's own answers. What is not set here is as in `training`, `inference` and `sql`."""

    method: Method = Field(
        "rejection",
        description="'rejection' learns the answers that were right, 'dpo' to prefer a right one to a wrong one, "
        "'grpo' from answers drawn, run and rewarded while it trains.",
    )
    questions: dict[Language, NonNegativeInt] | None = Field(
        ENGLISH,
        description="Training questions to ask per language, evenly over domains and kinds of query; empty means all "
        "of them.",
    )
    answers_per_question: int = Field(4, ge=2, le=64, description="Answers sampled for each question.")
    temperature: float = Field(0.8, gt=0, le=2, description="Of sampling; more gives answers that differ more.")
    kept_share: float = Field(
        0.25,
        ge=0,
        le=4,
        description="rejection: questions always answered right that are learned again, against forgetting, for each "
        "one that is not.",
    )
    pairs_per_question: int = Field(2, ge=1, description="dpo: most pairs of a right and a wrong answer to a question.")
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="Peak learning rate; empty means a quarter of that of training for rejection, a fortieth for dpo "
        "and grpo.",
    )
    epochs: float = Field(1.0, gt=0, description="Passes over what is learned.")
    beta: float = Field(0.1, gt=0, description="dpo: how closely the model is held to the one it was.")
    sft_weight: float = Field(
        0.2,
        ge=0,
        description="dpo: weight of learning the right answer itself, so that it does not become less likely.",
    )
    seed: int = Field(1, description="Seed of the questions drawn, the answers and the training order.")
