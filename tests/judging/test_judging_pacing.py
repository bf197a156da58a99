from __future__ import annotations

import asyncio
import time

from tasks.judging.pacing import Limiter


def passed(limiter_args: tuple[float, float], sizes: list[int], hold_s: float = 0.0) -> list[float]:
    """Seconds after the start at which each of many questions asked at once was let through."""

    async def run() -> list[float]:
        limiter = Limiter(*limiter_args)
        began = time.monotonic()
        if hold_s:
            limiter.hold(hold_s)

        async def one(tokens: int) -> float:
            await limiter.wait(tokens)
            return time.monotonic() - began

        return sorted(await asyncio.gather(*(one(tokens) for tokens in sizes)))

    return asyncio.run(run())


def test_requests_per_minute_hold_under_concurrency() -> None:
    times = passed((3000, 1e9), [1] * 51)  # one each 20 ms
    assert 0.98 < times[-1] < 2.0


def test_tokens_per_minute_hold_and_a_question_larger_than_the_limit_passes() -> None:
    times = passed((1e6, 60_000), [100, 200, 700, 5])  # 1,000 tokens a second
    assert 0.98 < times[-1] < 1.6


def test_a_hold_stops_those_already_waiting_and_halves_the_pace() -> None:
    times = passed((6000, 1e9), [1] * 21, hold_s=0.3)
    assert times[0] > 0.29
    assert times[-1] - times[0] > 0.38  # 20 ms instead of 10 ms each
