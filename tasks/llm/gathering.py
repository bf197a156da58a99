"""Looking at the network in beats: answers that come one by one are read some at a time.

To wake up costs more CPU than to read an answer, and work done in one go costs half of the same work in pieces.
"""

from __future__ import annotations

import selectors
import time

LONGEST_BEAT_S = 0.2
BEATS = 20  # in the time for which requests have to wait anyhow, at least


def beat_for(queue_s: float) -> float:
    """Seconds between two looks at the answers while requests wait for `queue_s`: short towards the end."""
    return min(LONGEST_BEAT_S, queue_s / BEATS)


class Gathering(selectors.DefaultSelector):
    """The sockets of an event loop. After each wait for them it leaves them alone for `beat_s`, then sees to all."""

    beat_s = 0.0
    _waited_at = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See the base class; `timeout` may be passed by up to `beat_s`, but for 0, when the loop has work to do."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        early_s = max(0.0, self._waited_at + self.beat_s - time.monotonic())
        time.sleep(early_s)
        found = super().select(None if timeout is None else max(0.0, timeout - early_s))
        self._waited_at = time.monotonic()
        return found
