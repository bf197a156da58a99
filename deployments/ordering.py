"""The order of Prefect's events in memory, for a server on SQLite: it is killed at times, and its database is locked.

An event waits up to 15 minutes for the one it follows, unless that was seen; what a killed server had seen, the next
one does not know, and a run that is lost soon after would not be started again for so long. And an event whose
evaluation fails is tried four times within milliseconds and then dropped, with all that automations would have made of
it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.server.events.ordering import event_handler
from prefect.server.events.ordering.memory import CausalOrdering as InMemory
from prefect.server.events.schemas.events import ReceivedEvent
from sqlalchemy.exc import OperationalError

STARTED_MS = time.time_ns() // 1_000_000
LOCKED_S = (0.5, 2.0)  # an event waits so long before it is tried again


class CausalOrdering(InMemory):
    """Prefect's, in which nobody waits for events from before this process, and tries are seconds apart."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        """As Prefect does, but for a leader that only the server before this one can have seen."""
        if event.follows is None or not _is_older(event.follows):
            await super().wait_for_leader(event)

    @asynccontextmanager
    async def preceding_event_confirmed(
        self, handler: event_handler, event: ReceivedEvent, depth: int = 0
    ) -> AsyncGenerator[None, None]:
        """As Prefect does; what finds the database locked lets its other writers end before it is tried again."""
        try:
            async with super().preceding_event_confirmed(handler, event, depth):
                yield
        except OperationalError:
            await asyncio.sleep(random.uniform(*LOCKED_S))
            raise


def _is_older(event: UUID) -> bool:
    """Whether an event was made before this process; Prefect's ids begin with their time (UUID version 7)."""
    return event.version == 7 and event.int >> 80 < STARTED_MS
