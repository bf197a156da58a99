"""Models by the names that people give them."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, hash_folder, made_output
from tasks.models import registry
from tasks.models.records import Version


def version_named(name: str, store: Path) -> Version | None:
    """The registered version that `name` means, 'champion' or one such as 'v3'; None if it is another kind of name.

    Raises:
        InputError: there is none, or its files are gone.
    """
    if name == "champion":
        version = registry.champion(store)
        if version is None:
            raise InputError(f"store '{store}': no model is in use yet; run a night first")
    elif re.fullmatch(r"v\d+", name):
        version = registry.get(store, name)
    else:
        return None
    if not version.available:
        raise InputError(f"registry: the files of {version.name} are gone: {version.path}")
    return version


def adapter_in(folder: str) -> StageOutput:
    """The adapter that lies in a folder, with `training.json` beside it.

    Raises:
        InputError: there is none.
    """
    path = Path(folder).resolve()
    for name in ("adapter_config.json", "training.json"):
        if not (path / name).is_file():
            raise InputError(f"'{folder}' is no adapter of a night: no file {name} in it")
    made = made_output(path)
    content = made.sha256 if made else hash_folder(path)
    return StageOutput(stage="adapter", key=content[:20], path=str(path), sha256=content, counts={}, seconds=0)
