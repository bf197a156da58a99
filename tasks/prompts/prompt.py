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
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tasks.common.errors import InputError
from tasks.common.store import write_atomically
from tasks.prompts.columns import tables_and_columns
from tasks.prompts.config import PromptConfig

TEMPLATES = Path(__file__).parent / "templates"
FILE = "prompt.json"
SCHEMA_SLOTS = ("{context}", "{columns}")
ROLES = ("user", "assistant")

Messages = list[dict[str, str]]  # of a conversation: role, content


class Prompt(BaseModel):
    """A template that ends where the SQL begins.

    Its slots are `{question}` and `{context}` (the DDL as it is) or `{columns}` (see `tables_and_columns`). With
    `chat` its text is the user's message in the model's own chat template (see `tasks.prompts.chat`).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    template: str
    chat: bool = False

    @property
    def hash(self) -> str:
        """Identity of the prompt: a model answers only under the one it was tuned with.

        The chat template is not in it: it belongs to the model and is saved with its tokenizer.
        """
        text = f"{self.template}\0chat" if self.chat else self.template
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        """Name and hash, for messages."""
        return f"'{self.name}'{' in a chat' if self.chat else ''} ({self.hash})"

    def render(self, context: str, question: str) -> str:
        """The text before the answer, the same in training and inference; in a chat, the user's message."""
        slots = {
            "{context}": context.strip,
            "{columns}": lambda: tables_and_columns(context),
            "{question}": question.strip,
        }
        # One pass, so that a question that contains "{context}" is not filled in a second time.
        return re.sub(r"\{(?:context|columns|question)\}", lambda slot: slots[slot.group()](), self.template)

    def render_rows(self, rows: pd.DataFrame) -> list[str]:
        """The prompts of `rows` (columns `context` and `question`), in their order.

        Where there is a column `examples` (see `with_examples`), they come first, each with its answer.
        """
        return ["\n\n".join(self._turns(row)) for row in rows.to_dict("records")]

    def chats(self, rows: pd.DataFrame) -> list[Messages]:
        """The prompts of `rows` as conversations: an example is a question of the user with the assistant's answer."""
        return [
            [{"role": ROLES[number % 2], "content": text} for number, text in enumerate(self._turns(row, apart=True))]
            for row in rows.to_dict("records")
        ]

    def _turns(self, row: Mapping[Hashable, Any], apart: bool = False) -> list[str]:
        """Examples and question, and between them the examples' answers: `apart`, or behind their questions."""
        turns = []
        for example in row.get("examples", ()):
            asked = self.render(example["context"], example["question"])
            answer = self.completion(example["answer"])
            turns += [asked, answer] if apart else [asked + answer]
        return [*turns, self.render(row["context"], row["question"])]

    def completion(self, answer: str) -> str:
        """What the model learns to write, before the end token that `encode_rows` adds."""
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
            raise InputError(f"{folder}: tuned with the prompt {tuned_with.title}, asked to answer with {self.title}")


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
    return Prompt(name=path.stem, template=template, chat=config.chat)
