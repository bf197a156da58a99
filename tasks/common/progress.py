"""Progress as plain calls, so that a room can tell how far it is without knowing who listens."""

from __future__ import annotations

import time
from collections.abc import Callable

# Called as progress(done, total, what): what is being counted, e.g. "rows".
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, what: str) -> None:
    """Nobody listens."""


def throttled(tell: Callable[[str, float], None], every_s: float = 5.0) -> Progress:
    """A `Progress` that calls `tell(line, percent)` at most every `every_s` seconds, and at the end.

    The line holds a bar, the count, the rate and the time left. Where there is nothing to do, nothing is told.
    """
    began = last = time.monotonic()

    def progress(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if total == 0 or (done < total and now - last < every_s):
            return
        last = now
        percent = 100.0 * done / total
        bar = "█" * round(percent / 5) + "░" * (20 - round(percent / 5))
        rate = done / max(now - began, 1e-6)
        left = f", {(total - done) / rate:.0f} s left" if 0 < done < total else ""
        tell(f"{bar} {percent:3.0f} % · {done:,}/{total:,} {what} · {rate:.2f}/s{left}", percent)

    return progress
