"""Requests and tokens per minute, held by one clock that every question has to pass."""

from __future__ import annotations

import asyncio
import time

BURST_S = 3.0  # unused time that may be caught up: a twentieth of the minute the limits speak of
SLOWEST = 1 / 32
RECOVERY = 1.1


class Limiter:
    """Lets questions through one by one, so that neither limit is passed.

    Each question moves one clock on by the time it costs under the stricter of the two limits (the "virtual
    scheduling" form of the token bucket, ITU-T I.371). A 429 holds everybody back and halves the pace, since
    the account's true limit is lower than the one configured, or shared; each answer wins back a tenth.
    """

    def __init__(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        self._request_s = 60.0 / requests_per_minute
        self._token_s = 60.0 / tokens_per_minute
        self._pace = 1.0
        self._free_at = time.monotonic()
        self._held_until = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, tokens: int) -> None:
        """Return when a question of `tokens` tokens, prompt and answer together, may be sent."""
        async with self._turn:
            while (left := self._free_at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            cost = max(self._request_s, tokens * self._token_s) / self._pace
            self._free_at = max(self._free_at, time.monotonic() - BURST_S) + cost

    def hold(self, seconds: float) -> None:
        """After a 429: nobody asks for `seconds`, and then at half the pace."""
        now = time.monotonic()
        if now >= self._held_until:  # the answers of one burst count once
            self._pace = max(SLOWEST, self._pace / 2)
        self._held_until = max(self._held_until, now + seconds)
        self._free_at = max(self._free_at, self._held_until)

    def answered(self) -> None:
        """After an answer: a little of the lost pace comes back."""
        self._pace = min(1.0, self._pace * RECOVERY)
