from __future__ import annotations

import asyncio
import socket
import time
from threading import Thread

from tasks.llm.gathering import LONGEST_BEAT_S, Gathering, beat_for

BEAT_S = 0.05


class Counted(Gathering):
    """Counts how often something was there to be read."""

    found = 0

    def select(self, timeout: float | None = None) -> list:
        found = super().select(timeout)
        self.found += bool(found)
        return found


def received(beat_s: float, n: int) -> tuple[int, list[float]]:
    """Times the loop woke up for `n` letters that come 5 ms apart, and how late each was read."""
    sockets, (ours, theirs) = Counted(), socket.socketpair()
    sockets.beat_s = beat_s
    sent: list[float] = []

    def send() -> None:
        for _ in range(n):
            time.sleep(0.005)
            sent.append(time.monotonic())
            theirs.send(b"x")

    async def read() -> list[float]:
        reader, writer = await asyncio.open_connection(sock=ours)
        sender = Thread(target=send)
        sender.start()
        late: list[float] = []
        while len(late) < n:
            letters = await reader.read(n)
            late += [time.monotonic() - sent[len(late) + i] for i in range(len(letters))]
        writer.close()
        sender.join()
        return late

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(sockets)) as runner, theirs:
        late = runner.run(read())
    return sockets.found, late


def test_answers_are_read_some_at_a_time() -> None:
    woken, late = received(BEAT_S, 100)
    assert woken <= 20  # half a second has ten beats
    assert sorted(late)[50] < 2 * BEAT_S


def test_without_a_beat_each_is_read_when_it_comes() -> None:
    woken, late = received(0.0, 100)
    assert woken > 50
    assert sorted(late)[50] < BEAT_S / 2


def test_timers_are_late_by_a_beat_at_most() -> None:
    async def run() -> float:
        await asyncio.sleep(0.001)
        began = time.monotonic()
        await asyncio.sleep(0.2)
        return time.monotonic() - began

    sockets = Gathering()
    sockets.beat_s = BEAT_S
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(sockets)) as runner:
        assert 0.2 <= runner.run(run()) < 0.2 + 4 * BEAT_S


def test_beats_are_short_when_few_requests_wait() -> None:
    assert beat_for(0.0) == 0.0
    assert 0 < beat_for(0.5) < 0.05
    assert beat_for(60.0) == LONGEST_BEAT_S
