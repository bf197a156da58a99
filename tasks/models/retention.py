"""How many models are kept: the files of old versions go, their records stay."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.models.records import Version
from tasks.models.registry import locked, read_aliases, versions

RETIRED = ".retired"  # a folder on its way out; one left behind by a killed run is removed by the next


def retire(store: Path, keep: int) -> list[str]:
    """Remove weights and adapters of tuned versions that are neither among the newest nor in use.

    Champion, previous and challenger are never touched, whatever their age.

    Args:
        store: root folder of the store.
        keep: how many of the newest versions keep their files.

    Returns:
        Names of the versions whose files were removed.
    """
    with locked(store):
        stages = store.resolve() / "stages"
        for left in stages.glob(f"*/*{RETIRED}"):
            shutil.rmtree(left)
        named = read_aliases(store).names()
        tuned = [v for v in versions(store) if v.kind == "merged"]
        old = [v for v in tuned[: max(0, len(tuned) - keep)] if v.version not in named and v.available]
        used = {folder for v in tuned if v not in old for folder in _folders(stages, v)}
        for version in old:
            for folder in _folders(stages, version):
                if folder.is_dir() and folder not in used:
                    shutil.rmtree(folder.rename(f"{folder}{RETIRED}"))
        return [v.version for v in old]


def _folders(stages: Path, version: Version) -> list[Path]:
    """What of a version lies in the store; the model last, as without it the version counts as done with."""
    folders = [Path(version.path)]
    if version.lineage.adapter:
        folders.insert(0, stages / "adapter" / version.lineage.adapter)
    return [folder for folder in folders if folder.is_relative_to(stages)]
