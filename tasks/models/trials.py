"""How many challengers were tried against a champion: each further one asks for stronger evidence.

    .nightly/registry/trials.json    {"v1": ["v2 on 3fa1…", "v3 on 3fa1…"], "v3": [...]}

A hundred nights of models that are no better would put five in use by luck alone if each were tested at 5 %.
The gate therefore shares its level out over the challengers of one champion, and needs to know their number.
"""

from __future__ import annotations

import json
from pathlib import Path

from tasks.common.store import write_atomically
from tasks.models.registry import locked


def trial(store: Path, champion: str, challenger: str, data: str) -> int:
    """Which trial against this champion it is, from 1; the same trial told again keeps its number.

    Args:
        store: root folder of the store.
        champion: version in use, e.g. 'v1'.
        challenger: version tried.
        data: content hash of the rows both answer; other rows are another trial.
    """
    with locked(store) as folder:
        file = folder / "trials.json"
        trials: dict[str, list[str]] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        tried = trials.setdefault(champion, [])
        name = f"{challenger} on {data[:16]}"
        if name not in tried:
            tried.append(name)
            write_atomically(file, json.dumps(trials, indent=2))
        return tried.index(name) + 1
