"""Where a round starts: the model in use, with the adapter that it was merged from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, made_output
from tasks.models import registry
from tasks.models.records import Version
from tasks.prompts.prompt import Prompt


class Start(NamedTuple):
    """The model in use, the adapter that it was merged from, and the prompt that both answer to."""

    version: Version
    adapter: StageOutput
    prompt: Prompt


def start_of(store: Path) -> Start:
    """The champion as a place to go on from.

    Raises:
        InputError: nothing tuned is in use, or its files or its adapter are gone.
    """
    champion = registry.champion(store)
    if champion is None or champion.kind == "base":
        raise InputError(
            f"store '{store}': nothing tuned is in use yet, so there is nothing to improve; run a night first"
        )
    if not champion.available:
        raise InputError(f"registry: the files of {champion.name} are gone: {champion.path}")
    prompt = Prompt.of_model(Path(champion.path))
    if prompt is None:
        raise InputError(f"registry: {champion.name} has no prompt beside its weights: {champion.path}")
    return Start(champion, _adapter(store, champion), prompt)


def _adapter(store: Path, champion: Version) -> StageOutput:
    folder = store.resolve() / "stages" / "adapter" / str(champion.lineage.adapter)
    adapter = made_output(folder)
    if adapter is None:
        raise InputError(
            f"the adapter of {champion.name} is gone, so there is nothing to go on from; expected {folder}"
        )
    return adapter


def check_start(start: Start, base: StageOutput) -> None:
    """Refuse a model in use that is not the one registered, or that was not made from `base`.

    Raises:
        InputError: naming which.
    """
    registry.check_files(start.version)
    lineage = start.version.lineage
    if lineage.base_sha256 != base.sha256:
        raise InputError(
            f"model.base: {start.version.name} was made from other weights of '{lineage.base}' than "
            f"'{base.counts.get('base', base.path)}' has"
        )
