"""The order of Prefect's events, for a server that was killed and started again.

An event waits up to 15 minutes for the one it follows, unless that was seen; without Redis a server forgets what it has
seen when it is killed, and a run that is lost soon after would not be started again for so long.
"""

from __future__ import annotations

import time
from uuid import UUID

from prefect.server.events.ordering.memory import CausalOrdering as InMemory
from prefect.server.events.schemas.events import ReceivedEvent

STARTED_MS = time.time_ns() // 1_000_000


class CausalOrdering(InMemory):
    """Prefect's order in memory, in which nobody waits for events from before this process."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        """As Prefect does, but for a leader that only the server before this one can have seen."""
        if event.follows is None or not _is_older(event.follows):
            await super().wait_for_leader(event)


def _is_older(event: UUID) -> bool:
    """Whether an event was made before this process; Prefect's ids begin with their time (UUID version 7)."""
    return event.version == 7 and event.int >> 80 < STARTED_MS
