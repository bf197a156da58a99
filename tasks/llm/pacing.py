"""Requests and tokens per minute, held for all questions in flight together.

Each limit is a token bucket, as the server keeps it: it holds some requests (or tokens) that may be sent at once,
and fills at the limit's rate. A server that tells its own bucket in `x-ratelimit-*` headers is believed; of one
that does not, only a short burst is assumed. Two 429s in short order lower the pace, since the account's true limit is
lower than the one configured, or shared; quiet seconds win it back, but not up to where the last ones came.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

BURST_S = 0.5  # what an unknown server surely admits at once, in seconds of its rate
UNTOLD = 0.98  # of the configured rate, where no header tells how much is left
RESERVE_S = 0.02  # of what is told stays unused, in seconds of the rate: it was true some milliseconds ago
CATCH_UP = 0.05  # how fast a told level above ours is believed (questions overtake each other); one below it at once
CUT = 0.5  # of the pace is left after a 429
CEILING = 0.9  # of the pace that met a 429 is not passed again for a while
CEILING_S = 60.0
RECOVERY_PER_S = 0.05
SLOWEST = 1 / 64
HOLD_S = 0.25  # after a 429 without Retry-After
NEAR = 30  # requests: a second 429 within so many means the limit; a lone one means a busy server


@dataclass(frozen=True)
class Ticket:
    """A question let through: when, and how much (requests, tokens) had been sent with it."""

    at: float
    sent: tuple[float, float]


class Bucket:
    """One limit. `room` is what may be sent now, `sent` all that was."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._configured = per_minute / 60
        self.rate = self._configured * UNTOLD
        self.room = self._size = max(1.0, self.rate * BURST_S)
        self.sent = 0.0
        self._at = now
        self._told = False

    def fill(self, now: float, pace: float) -> None:
        """Let the time since the last call flow in."""
        self.room = min(self._size, self.room + (now - self._at) * self.rate * pace)
        self._at = now

    def wait_s(self, cost: float, pace: float) -> float:
        """Seconds until `cost` may be sent; what is larger than the bucket waits for a full one."""
        return max(0.0, (min(cost, self._size) - self.room) / (self.rate * pace))

    def take(self, cost: float) -> None:
        """Count a question that is sent now."""
        self.room -= cost
        self.sent += cost

    def told(self, limit: float, remaining: float, since_s: float, since: float) -> None:
        """What a response says: `remaining` was left `since_s` ago, and `since` has been sent from then on."""
        self.rate = min(self._configured, limit / 60) if limit > 0 else self._configured
        fresh = (since_s - RESERVE_S) * self.rate
        room = remaining - since + fresh
        if not self._told:
            self._told = True
            self._size = max(1.0, remaining)
            self.room = room = max(self.room, remaining - self.sent + fresh)  # it may have overtaken all of the burst
        self._size = max(self._size, min(remaining, limit or remaining))
        self.room += (room - self.room) * (CATCH_UP if room > self.room else 1.0)


class Limiter:
    """Lets questions through one by one, so that no limit is passed."""

    def __init__(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        now = time.monotonic()
        self._buckets = (Bucket(requests_per_minute, now), Bucket(tokens_per_minute, now))
        self._pace = self._ceiling = 1.0
        self._paced_at = self._cut_at = now
        self._held_until = 0.0
        self._refused_at = -math.inf  # how many requests had been sent by the last 429
        self._waiting = 0  # new questions
        self._queue = asyncio.Lock()  # of these
        self._turn = asyncio.Lock()  # of the first of them and of those asked again

    @property
    def queue_s(self) -> float:
        """Seconds until all new questions that wait are let through, at least."""
        return self._waiting / (self._buckets[0].rate * self._pace)

    async def wait(self, tokens: float, again: bool = False) -> Ticket:
        """Return when a question may be sent; one that is sent again goes before all new ones.

        Args:
            tokens: of prompt and answer together.
            again: it was sent before.
        """
        if again:
            return await self._wait(tokens)
        self._waiting += 1
        try:
            async with self._queue:
                return await self._wait(tokens)
        finally:
            self._waiting -= 1

    async def _wait(self, tokens: float) -> Ticket:
        async with self._turn:
            while (left := self._left(tokens)) > 0:
                await asyncio.sleep(left)
            for bucket, cost in zip(self._buckets, (1.0, tokens), strict=True):
                bucket.take(cost)
            return Ticket(time.monotonic(), (self._buckets[0].sent, self._buckets[1].sent))

    def _left(self, tokens: float) -> float:
        now = time.monotonic()
        self._recover(now)
        for bucket in self._buckets:
            bucket.fill(now, self._pace)
        requests, words = self._buckets
        return max(self._held_until - now, requests.wait_s(1.0, self._pace), words.wait_s(tokens, self._pace))

    def heard(self, ticket: Ticket, headers: Mapping[str, str]) -> bool | None:
        """Take in what a response tells of the limits; whether anything is left, None if it does not tell."""
        now, left = time.monotonic(), None
        for bucket, sent, name in zip(self._buckets, ticket.sent, ("requests", "tokens"), strict=True):
            limit, remaining = (
                _number(headers, f"x-ratelimit-limit-{name}"),
                _number(headers, f"x-ratelimit-remaining-{name}"),
            )
            if remaining is not None:
                bucket.fill(now, self._pace)
                bucket.told(limit or 0.0, remaining, now - ticket.at, bucket.sent - sent)
                left = left is not False and remaining >= 1
        return left

    def refused(self, ticket: Ticket, told_s: float | None) -> None:
        """After a second 429 for want of room: nobody asks for `told_s`, and then more slowly.

        Those that were under way when the pace was cut count no second time.
        """
        now = time.monotonic()
        before, self._refused_at = self._refused_at, self._buckets[0].sent
        if self._refused_at - before > NEAR:
            return
        self.hold(HOLD_S if told_s is None else told_s)
        if ticket.at < self._cut_at:
            return
        self._recover(now)
        self._ceiling = self._pace * CEILING
        self._pace = max(SLOWEST, self._pace * CUT)
        self._cut_at = now
        for bucket in self._buckets:
            bucket.room = min(bucket.room, 0.0)

    def hold(self, seconds: float) -> None:
        """Nobody asks for `seconds`."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def _recover(self, now: float) -> None:
        if now - self._cut_at > CEILING_S:
            self._ceiling = 1.0
        self._pace = max(self._pace, min(self._ceiling, self._pace + (now - self._paced_at) * RECOVERY_PER_S))
        self._paced_at = now


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return float(headers[name])
    except (KeyError, ValueError):
        return None
