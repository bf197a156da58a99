"""Names of flow runs that say what runs and since when: 'night-2026-11-22-020000'."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime


def since(what: str) -> Callable[[], str]:
    """A namer of flow runs for Prefect: `what` and the time at which the run starts."""

    def name() -> str:
        return f"{what}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}"

    return name
