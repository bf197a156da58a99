"""The prompt: one object renders the training text and the inference prompt, and is saved with the model.

### DDL:
CREATE TABLE players (…);

### Question:
How many players are there?

### SQL:
SELECT COUNT(*) FROM players;<end of sequence>      ← the completion; only this is learned
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Self

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tasks.common.errors import InputError
from tasks.common.store import write_atomically
from tasks.prompts.columns import tables_and_columns
from tasks.prompts.config import PromptConfig

TEMPLATES = Path(__file__).parent / "templates"
FILE = "prompt.json"
SCHEMA_SLOTS = ("{context}", "{columns}")


class Prompt(BaseModel):
    """A template that ends where the SQL begins.

    Its slots are `{question}` and `{context}` (the DDL as it is) or `{columns}` (see `tables_and_columns`).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    template: str

    @property
    def hash(self) -> str:
        """Identity of the prompt: two models are comparable only under the same one."""
        return hashlib.sha256(self.template.encode()).hexdigest()[:16]

    def render(self, context: str, question: str) -> str:
        """The text before the answer, the same in training and inference."""
        slots = {
            "{context}": context.strip,
            "{columns}": lambda: tables_and_columns(context),
            "{question}": question.strip,
        }
        # One pass, so that a question that contains "{context}" is not filled in a second time.
        return re.sub(r"\{(?:context|columns|question)\}", lambda slot: slots[slot.group()](), self.template)

    def render_rows(self, rows: pd.DataFrame) -> list[str]:
        """The prompts of `rows` (columns `context` and `question`), in their order."""
        return [
            self.render(context, question) for context, question in zip(rows["context"], rows["question"], strict=True)
        ]

    def completion(self, answer: str) -> str:
        """What the model learns to write; the trainer adds the end-of-sequence token."""
        return answer.strip().rstrip(";").rstrip() + ";"

    def save(self, folder: Path) -> None:
        """Write the prompt beside an adapter or a model."""
        write_atomically(folder / FILE, self.model_dump_json(indent=2))

    @classmethod
    def of_model(cls, folder: Path) -> Self | None:
        """The prompt a model was tuned with; None for a base model, which was tuned with none."""
        file = folder / FILE
        return cls.model_validate_json(file.read_text("utf-8")) if file.is_file() else None

    def check_model(self, folder: Path) -> None:
        """Refuse to use a model under another prompt than it was tuned with.

        Raises:
            InputError: naming both prompts.
        """
        tuned_with = self.of_model(folder)
        if tuned_with is not None and tuned_with.hash != self.hash:
            raise InputError(
                f"{folder}: tuned with the prompt '{tuned_with.name}' ({tuned_with.hash}), "
                f"asked to answer with '{self.name}' ({self.hash})"
            )


def load_prompt(config: PromptConfig) -> Prompt:
    """Read the template that `config` names.

    Raises:
        InputError: no such template, or one of the slots is missing in it.
    """
    path = TEMPLATES / f"{config.template}.txt"
    if not path.is_file():
        path = Path(config.template)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in TEMPLATES.glob("*.txt")))
        raise InputError(f"prompt.template: '{config.template}' is neither a file nor one of: {known}")
    template = path.read_text("utf-8")
    if "{question}" not in template or not any(slot in template for slot in SCHEMA_SLOTS):
        raise InputError(f"{path}: a prompt template needs {{question}} and one of {' or '.join(SCHEMA_SLOTS)}")
    return Prompt(name=path.stem, template=template)
