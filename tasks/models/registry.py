"""The models a night made, and which of them is in use.

    .nightly/registry/versions/v3.json       what version 3 is: written once, never changed
    .nightly/registry/evaluations/v3.json    what the gate said of it, night by night
    .nightly/registry/aliases.json           champion, previous, challenger, and the record of every change

A promotion or a roll-back replaces `aliases.json` in one atomic step. There is no second place that says what
is in use, so a crash at any moment leaves either the old champion or the new one, with its record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from pydantic import BaseModel, TypeAdapter, ValidationError

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, hash_folder, write_atomically
from tasks.models.records import Aliases, Change, Evaluation, Model, Version

Read = TypeVar("Read", bound=BaseModel)
EVALUATIONS = TypeAdapter(tuple[Evaluation, ...])


def register(store: Path, model: Model) -> Version:
    """Give `model` a version, or return the one that the same weights with the same prompt already have."""
    with locked(store) as folder:
        known = versions(store)
        for version in known:
            if (version.sha256, version.prompt_sha256) == (model.sha256, model.prompt_sha256):
                return version
        number = max((int(v.version[1:]) for v in known), default=0) + 1
        new = Version(**dict(model), version=f"v{number}", created=_now())
        text = new.model_dump_json(indent=2, exclude={"changes", "evaluations"})
        write_atomically(folder / "versions" / f"{new.version}.json", text)
        return new


def challenge(store: Path, version: str) -> None:
    """Call `version` the challenger, until another one is or it is promoted; the champion is never one."""
    with locked(store):
        aliases = read_aliases(store)
        if version not in (aliases.champion, aliases.challenger):
            _write(store, aliases.model_copy(update={"challenger": version}))


def note_evaluation(
    store: Path,
    version: str,
    by: str,
    against: str,
    data: str,
    decision: Mapping[str, Any],
    measured: list[StageOutput],
) -> None:
    """Keep what a night found of `version`; the same finding once more is kept once.

    Args:
        store: root folder of the store.
        version: the challenger.
        by: the night's name.
        against: the champion it was compared with.
        data: content hash of the rows both answered.
        decision: the gate's figures; `decision` and `reasons` are kept.
        measured: the challenger's scores and verdicts.
    """
    with locked(store) as folder:
        found = Evaluation(
            at=_now(),
            by=by,
            against=against,
            data=data,
            decision=decision["decision"],
            reasons=tuple(decision["reasons"]),
            measured={output.stage: output.counts for output in measured},
        )
        past = get(store, version).evaluations
        same = {"at", "by"}
        if past and past[-1].model_dump(exclude=same) == found.model_dump(exclude=same):
            return
        text = EVALUATIONS.dump_json((*past, found), indent=2).decode()
        write_atomically(folder / "evaluations" / f"{version}.json", text)


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
        InputError: no such version, one that was rolled back, or its files are not those that were registered.
    """
    with locked(store):
        wanted, aliases = get(store, version), read_aliases(store)
        if wanted.version == aliases.champion:
            return wanted
        if wanted.status == "rolled back" and not even_if_rolled_back:
            last = wanted.changes[-1]
            raise InputError(f"version '{version}' was rolled back by {last.by} ({last.why}) and is not promoted again")
        check_files(wanted)
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
        InputError: there is no champion, none before it, or the files of that one are not those that were registered.
    """
    with locked(store):
        aliases = read_aliases(store)
        if aliases.champion is None or aliases.previous is None:
            now = aliases.champion or "not chosen yet"
            raise InputError(f"nothing to roll back to: the champion is {now} and none came before it")
        check_files(get(store, aliases.previous))
        change = Change(action="rolled back", version=aliases.champion, by=by, why=why, at=_now())
        _write(store, aliases.after(change))
        return get(store, aliases.previous)


def check_files(version: Version) -> None:
    """Compare a version's files with the hash it was registered with.

    Raises:
        InputError: they are gone, or others.
    """
    if not version.available:
        raise InputError(f"registry: the files of {version.name} are gone: {version.path}")
    if hash_folder(Path(version.path)) != version.sha256:
        raise InputError(f"registry: the files of {version.name} are not those that were registered: {version.path}")


def champion(store: Path) -> Version | None:
    """The version in use, or None before the first promotion."""
    name = read_aliases(store).champion
    return get(store, name) if name else None


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
    changes = read_aliases(store).history
    files = [f for f in (_folder(store) / "versions").glob("v*.json") if re.fullmatch(r"v\d+", f.stem)]
    return [
        _read(Version, file).model_copy(
            update={
                "changes": tuple(c for c in changes if c.version == file.stem),
                "evaluations": _evaluations(store, file.stem),
            }
        )
        for file in sorted(files, key=lambda f: int(f.stem[1:]))
    ]


def read_aliases(store: Path) -> Aliases:
    """Which version is champion, previous and challenger, and every change of the champion, oldest first."""
    file = _folder(store) / "aliases.json"
    return _read(Aliases, file) if file.is_file() else Aliases()


def _evaluations(store: Path, version: str) -> tuple[Evaluation, ...]:
    file = _folder(store) / "evaluations" / f"{version}.json"
    if not file.is_file():
        return ()
    with _named(file):
        return EVALUATIONS.validate_json(file.read_text("utf-8"))


def _write(store: Path, aliases: Aliases) -> None:
    write_atomically(_folder(store) / "aliases.json", aliases.model_dump_json(indent=2))


def _read(kind: type[Read], file: Path) -> Read:
    with _named(file):
        return kind.model_validate_json(file.read_text("utf-8"))


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{file}: not a file of the registry: {what}") from None


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
