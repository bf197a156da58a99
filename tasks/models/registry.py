"""The models a night made, and which of them is in use.

    .nightly/registry/versions/v3.json    what version 3 is: written once, never changed
    .nightly/registry/aliases.json        which version is champion, and the record of every change of it

A promotion or a roll-back replaces `aliases.json` in one atomic step. There is no second place that says what
is in use, so a crash at any moment leaves either the old champion or the new one, with its record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, write_atomically


class Lineage(BaseModel):
    """What a model was made from, and how it did."""

    model_config = ConfigDict(frozen=True)

    base: str
    data: str | None = None  # content hash of the training rows
    adapter: str | None = None  # key of the adapter in the store
    config: dict[str, Any] = {}
    metrics: dict[str, float | int | str | None] = {}


class Model(BaseModel):
    """A model to register: a folder with weights, and the prompt it answers to."""

    model_config = ConfigDict(frozen=True)

    label: str
    kind: Literal["base", "merged"]
    path: str
    sha256: str
    prompt_sha256: str
    lineage: Lineage


class Change(BaseModel):
    """One change of the champion: who made it, when, and why."""

    model_config = ConfigDict(frozen=True)

    action: Literal["promoted", "rolled back"]
    version: str
    replaces: str | None = None  # the champion before a promotion
    by: str
    why: str
    at: datetime
    decision: dict[str, Any] = {}  # the gate's figures


class Version(Model):
    """A registered model: `status` is its last change, or 'registered' when there is none."""

    version: str
    created: datetime
    changes: tuple[Change, ...] = ()

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
    def status(self) -> Literal["registered", "promoted", "rolled back"]:
        """'promoted' also for a champion that a better one has replaced since."""
        return self.changes[-1].action if self.changes else "registered"

    @property
    def replaces(self) -> str | None:
        """The version that was champion before this one, if this one was promoted."""
        return next((c.replaces for c in reversed(self.changes) if c.action == "promoted"), None)


class Aliases(BaseModel):
    """What is in use. `champion` and `previous` follow from `history` and are there to be read."""

    model_config = ConfigDict(frozen=True)

    champion: str | None = None
    previous: str | None = None  # what a roll-back would bring back
    history: tuple[Change, ...] = ()

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
            history=history,
        )


Read = TypeVar("Read", Version, Aliases)


def register(store: Path, model: Model) -> Version:
    """Give `model` a version, or return the one that the same weights with the same prompt already have."""
    with locked(store):
        known = versions(store)
        for version in known:
            if (version.sha256, version.prompt_sha256) == (model.sha256, model.prompt_sha256):
                return version
        number = max((int(v.version[1:]) for v in known), default=0) + 1
        new = Version(**dict(model), version=f"v{number}", created=_now())
        text = new.model_dump_json(indent=2, exclude={"changes"})
        write_atomically(_folder(store) / "versions" / f"{new.version}.json", text)
        return new


def promote(
    store: Path,
    version: str,
    decision: Mapping[str, Any],
    by: str,
    why: str,
    *,
    even_if_rolled_back: bool = False,
) -> Version:
    """Make `version` the champion; if it is the champion already, change nothing.

    Args:
        store: root folder of the store.
        version: what to promote, e.g. 'v3'.
        decision: the gate's figures (JSON-able), kept with the change.
        by: who promotes: a run's name, or a person's.
        why: the reason in one line.
        even_if_rolled_back: a person wants a version again that was rolled back.

    Raises:
        InputError: no such version, or one that was rolled back.
    """
    with locked(store):
        wanted, aliases = get(store, version), _aliases(store)
        if wanted.version == aliases.champion:
            return wanted
        if wanted.status == "rolled back" and not even_if_rolled_back:
            last = wanted.changes[-1]
            raise InputError(f"version '{version}' was rolled back by {last.by} ({last.why}) and is not promoted again")
        change = Change(
            action="promoted",
            version=version,
            replaces=aliases.champion,
            by=by,
            why=why,
            at=_now(),
            decision=dict(decision),
        )
        _write(store, aliases.after(change))
        return get(store, version)


def roll_back(store: Path, by: str, why: str) -> Version:
    """Bring back the champion before this one, which is marked so that no night promotes it again.

    Returns:
        The champion now.

    Raises:
        InputError: there is no champion, or none before it.
    """
    with locked(store):
        aliases = _aliases(store)
        if aliases.champion is None or aliases.previous is None:
            now = aliases.champion or "not chosen yet"
            raise InputError(f"nothing to roll back to: the champion is {now} and none came before it")
        change = Change(action="rolled back", version=aliases.champion, by=by, why=why, at=_now())
        _write(store, aliases.after(change))
        return get(store, aliases.previous)


def champion(store: Path) -> Version | None:
    """The version in use, or None before the first promotion."""
    name = _aliases(store).champion
    return get(store, name) if name else None


def history(store: Path) -> tuple[Change, ...]:
    """Every change of the champion, oldest first."""
    return _aliases(store).history


def get(store: Path, version: str) -> Version:
    """One version.

    Raises:
        InputError: there is no such version.
    """
    for known in (all_versions := versions(store)):
        if known.version == version:
            return known
    names = ", ".join(v.version for v in all_versions) or "none"
    raise InputError(f"version '{version}': not in the registry {_folder(store)}; versions: {names}")


def versions(store: Path) -> list[Version]:
    """All versions, oldest first."""
    changes = history(store)
    found = [
        _read(Version, file)
        for file in (_folder(store) / "versions").glob("v*.json")
        if re.fullmatch(r"v\d+", file.stem)
    ]
    return [
        v.model_copy(update={"changes": tuple(c for c in changes if c.version == v.version)})
        for v in sorted(found, key=lambda v: int(v.version[1:]))
    ]


def _aliases(store: Path) -> Aliases:
    file = _folder(store) / "aliases.json"
    return _read(Aliases, file) if file.is_file() else Aliases()


def _write(store: Path, aliases: Aliases) -> None:
    write_atomically(_folder(store) / "aliases.json", aliases.model_dump_json(indent=2))


def _read(kind: type[Read], file: Path) -> Read:
    try:
        return kind.model_validate_json(file.read_text("utf-8"))
    except ValidationError as error:
        raise InputError(f"{file}: not a file of the registry: {error.errors()[0]['msg']}") from None


def _folder(store: Path) -> Path:
    return store / "registry"


@contextmanager
def locked(store: Path) -> Iterator[Path]:
    """The registry's folder, held against every other writer."""
    folder = _folder(store)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def _now() -> datetime:
    return datetime.now(UTC)
