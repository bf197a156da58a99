"""What an engine wrote for one prompt, and the file of all answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.inference.answer import answer_of
from tasks.llm.journal import Entry


class Generated(Entry):
    """One answer, filed as soon as it is there.

    Attributes:
        key: `place_key(index, number)`.
        index: of its prompt in the input.
        number: of the answer, where a prompt gets several.
        raw: the text, as it was written.
        prompt_tokens: tokens read.
        completion_tokens: tokens written.
        seconds: its share of the time that its batch took.
        first_token_s: from the start of its batch to its first token; None where the engine does not tell.
    """

    key: str = ""
    index: int
    number: int = 0
    raw: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float = 0.0
    first_token_s: float | None = None

    def model_post_init(self, _: object) -> None:
        """File it under its place."""
        self.key = place_key(self.index, self.number)


def place_key(index: int, number: int) -> str:
    """The name an answer is filed under."""
    return f"{index}/{number}"


def write_predictions(folder: Path, names: pd.Series, answers: Sequence[Generated]) -> None:
    """Write predictions.parquet: the answers in their order, each with the `example_id` of its row."""
    predictions = pd.DataFrame(
        {
            "example_id": names.to_numpy()[[a.index for a in answers]],
            "raw": [a.raw for a in answers],
            "sql": [answer_of(a.raw) for a in answers],
            "prompt_tokens": [a.prompt_tokens for a in answers],
            "completion_tokens": [a.completion_tokens for a in answers],
        }
    )
    predictions.to_parquet(folder / "predictions.parquet", index=False)
