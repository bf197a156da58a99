"""Whether the server answers anybody: in an outage one request at a time looks, and nobody's tries are used up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DOWN_AFTER = 8  # failures without any answer between them
PROBE_S = 1.0  # between two looks, on average


class Line:
    """What all requests in flight know of the server together. Times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.alive_at = time.monotonic()  # when the last request that was answered had been sent
        self._failures = 0
        self._probing = asyncio.Lock()

    @property
    def down(self) -> bool:
        """Nobody has been answered for a while."""
        return self._failures >= DOWN_AFTER

    def answered(self, sent_at: float) -> None:
        """A request sent then was answered."""
        self.alive_at = max(self.alive_at, sent_at)
        self._failures = 0

    def failed(self) -> None:
        """No connection, no answer in time, or a server error."""
        self._failures += 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While the line is down: one request at a time, after a pause."""
        probing = False
        while self.down and not probing:
            await self._probing.acquire()
            try:
                if self.down:
                    await asyncio.sleep(random.uniform(0.5, 1.5) * PROBE_S)
                probing = self.down
            finally:
                if not probing:
                    self._probing.release()
        try:
            yield
        finally:
            if probing:
                self._probing.release()
