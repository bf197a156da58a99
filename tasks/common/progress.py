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

    The line holds a bar, the count, and the rate and the time left since the first call that counts the same: what an
    earlier run left done does not make this one faster. Where there is nothing to do, nothing is told.
    """
    last = time.monotonic()
    first: tuple[str, int, float] | None = None

    def progress(done: int, total: int, what: str) -> None:
        nonlocal last, first
        now = time.monotonic()
        if first is None or first[0] != what:
            first = what, done, now
        if total == 0 or (done < total and now - last < every_s):
            return
        last = now
        percent = 100.0 * done / total
        bar = "█" * round(percent / 5) + "░" * (20 - round(percent / 5))
        rate = (done - first[1]) / max(now - first[2], 1e-6)
        speed = f" · {rate:.2f}/s" if rate else ""
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        tell(f"{bar} {percent:3.0f} % · {done:,}/{total:,} {what}{speed}{left}", percent)

    return progress
