"""What this process may spend on the item in hand: asked for politely, then enforced by the kernel.

Spent are steps of SQLite's virtual machine, which are the same on every machine, and CPU time, for what is not
SQLite's. The clock on the wall is not looked at: a busy machine must not turn a right query into a slow one.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

STEPS_A_SECOND = 20_000_000  # a slow machine's; so steps run out first, and the same query is always too slow
GRACE_S = 0.5  # CPU seconds beyond the budget after which the kernel ends the process

_ends = math.inf
_steps = math.inf


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Allow so many seconds of work, until which `exhausted` says no.

    Whoever goes on for `GRACE_S` more is killed with the whole process: nothing else stops compiled code that
    does not return.
    """
    global _ends, _steps
    _ends, _steps = time.process_time() + seconds, seconds * STEPS_A_SECOND
    signal.setitimer(signal.ITIMER_PROF, seconds + GRACE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _ends = _steps = math.inf


def exhausted(steps: int) -> bool:
    """Take so many steps from the budget; whether it is used up."""
    global _steps
    _steps -= steps
    return _steps < 0 or time.process_time() > _ends
