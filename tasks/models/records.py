"""What the registry writes down: versions, where they came from, how they did, and every change of the champion."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tasks.common.store import Counts, StageOutput

Status = Literal["registered", "promoted", "rejected", "rolled back"]


class Record(BaseModel):
    """Frozen: what happened does not change."""

    model_config = ConfigDict(frozen=True)


class Lineage(Record):
    """What a model was made from."""

    base: str
    base_sha256: str | None = None
    base_revision: str | None = None  # commit of a base model from the Hub
    data: str | None = None  # content hash of the prepared rows
    adapter: str | None = None  # key of the adapter in the store
    adapter_sha256: str | None = None
    code: str | None = None  # hash of the source that made it
    config: dict[str, Any] = {}  # the night's configuration
    parity: Counts = {}  # merged model against base + adapter


class Evaluation(Record):
    """One night's comparison of a version with the champion of that night."""

    at: datetime
    by: str
    against: str
    data: str
    decision: Literal["promote", "hold", "reject"]
    reasons: tuple[str, ...]
    measured: dict[str, Counts]  # figures of the stages 'scores' and 'verdicts'


class Model(Record):
    """A model to register: a folder with weights, and the prompt it answers to."""

    label: str
    kind: Literal["base", "merged"]
    path: str
    sha256: str
    prompt_sha256: str
    lineage: Lineage


class Change(Record):
    """One change of the champion: who made it, when, and why."""

    action: Literal["promoted", "rolled back"]
    version: str
    replaces: str | None = None  # the champion before a promotion
    by: str
    why: str
    at: datetime
    decision: dict[str, Any] = {}  # the gate's figures


class Version(Model):
    """A registered model, with what happened to it since."""

    version: str
    created: datetime
    changes: tuple[Change, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def name(self) -> str:
        """How reports call it: 'v3 (tuned)'."""
        return f"{self.version} ({self.label})"

    def output(self) -> StageOutput:
        """The model as a reference that other rooms take."""
        return StageOutput(
            stage="model", key=self.version, path=self.path, sha256=self.sha256, counts={}, seconds=0, reused=True
        )

    @property
    def available(self) -> bool:
        """Whether its files are there."""
        return (Path(self.path) / "config.json").is_file()

    @property
    def status(self) -> Status:
        """Its last change; of one that never was champion what the gate last said.

        A champion that a better one has replaced is 'promoted' still.
        """
        if self.changes:
            return self.changes[-1].action
        return "rejected" if self.evaluations and self.evaluations[-1].decision == "reject" else "registered"

    @property
    def replaces(self) -> str | None:
        """The version that was champion before this one, if this one was promoted."""
        return next((c.replaces for c in reversed(self.changes) if c.action == "promoted"), None)


class Aliases(Record):
    """What is in use. `champion` and `previous` follow from `history` and are there to be read."""

    champion: str | None = None
    previous: str | None = None  # what a roll-back would bring back
    challenger: str | None = None  # the last one tried against the champion
    history: tuple[Change, ...] = ()

    def names(self) -> set[str]:
        """The versions that have an alias."""
        return {name for name in (self.champion, self.previous, self.challenger) if name}

    def after(self, change: Change) -> Aliases:
        """The aliases once `change` has happened: a promotion is put on a stack, a roll-back takes it off."""
        history = (*self.history, change)
        stack: list[str] = []
        for past in history:
            if past.action == "promoted":
                stack.append(past.version)
            else:
                stack.pop()
        return Aliases(
            champion=stack[-1] if stack else None,
            previous=stack[-2] if len(stack) > 1 else None,
            challenger=None if self.challenger == change.version else self.challenger,
            history=history,
        )
