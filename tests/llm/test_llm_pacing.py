from __future__ import annotations

import asyncio
import random
import time
from threading import Thread

import pytest

from benchmarks.judging.server import Bucket
from tasks.llm.gathering import LONGEST_BEAT_S, Gathering
from tasks.llm.pacing import BURST_S, Limiter, Ticket


def passed(limiter: Limiter, sizes: list[int]) -> list[float]:
    """Seconds after the start at which each of many questions asked at once was let through."""

    async def run() -> list[float]:
        began = time.monotonic()

        async def one(tokens: int) -> float:
            return (await limiter.wait(tokens)).at - began

        return sorted(await asyncio.gather(*(one(tokens) for tokens in sizes)))

    return asyncio.run(run())


def test_requests_per_minute_hold_under_concurrency_after_a_burst() -> None:
    times = passed(Limiter(3000, 1e9), [1] * 75)  # 50 a second
    assert times[round(50 * BURST_S) - 2] < 0.2
    assert 0.48 < times[-1] < 1.2


def test_tokens_per_minute_hold_and_a_question_larger_than_the_limit_passes() -> None:
    times = passed(Limiter(1e6, 60_000), [900, 300, 5000, 5])  # 1,000 tokens a second
    assert 4.0 < times[-1] < 7.0


def test_a_second_refusal_stops_those_already_waiting_and_lowers_the_pace() -> None:
    limiter = Limiter(6000, 1e9)
    later = Ticket(time.monotonic() + 1, (0, 0))
    limiter.refused(later, 0.3)
    assert passed(limiter, [1])[0] < 0.2  # a busy server refuses now and then
    limiter.refused(later, 0.3)
    times = passed(limiter, [1] * 71)
    assert times[0] > 0.29
    assert times[-1] - times[0] > 0.6  # some 20 have room by then, the others come at 14 ms instead of 10 ms


def test_refusals_of_one_burst_lower_the_pace_once() -> None:
    limiter = Limiter(6000, 1e9)
    before = Ticket(time.monotonic() - 0.1, (0, 0))
    for _ in range(10):
        limiter.refused(before, 0.0)
    times = passed(limiter, [1] * 71)
    assert times[-1] - times[0] < 1.5


def test_what_headers_tell_is_believed() -> None:
    limiter = Limiter(6000, 1e9)

    def headers(limit: int, remaining: int) -> dict[str, str]:
        return {"x-ratelimit-limit-requests": str(limit), "x-ratelimit-remaining-requests": str(remaining)}

    async def run() -> list[float]:
        ticket = await limiter.wait(1)
        assert limiter.heard(ticket, headers(1200, 60)) is True  # a lower tier, and much left
        began = time.monotonic()
        times = [(await limiter.wait(1)).at - began for _ in range(65)]
        assert limiter.heard(await limiter.wait(1), headers(1200, 0)) is False
        assert limiter.heard(ticket, {}) is None
        return times

    times = asyncio.run(run())
    assert times[50] < 0.1
    assert 0.2 < times[64] < 0.7  # 20 a second


def test_an_account_that_admits_one_request_at_once_is_used_in_full() -> None:
    limiter = Limiter(600, 1e9)

    async def run() -> float:
        began = time.monotonic()
        for _ in range(11):
            ticket = await limiter.wait(1)
            limiter.heard(ticket, {"x-ratelimit-limit-requests": "600", "x-ratelimit-remaining-requests": "0"})
        return time.monotonic() - began

    assert 1.0 <= asyncio.run(run()) < 1.5  # 10 a second


@pytest.mark.parametrize("beat_s", [0.0, LONGEST_BEAT_S])
@pytest.mark.parametrize("late_s", [0.0, 0.05])
def test_questions_that_overtake_each_other_on_their_way_pass_no_limit(late_s: float, beat_s: float) -> None:
    limiter, server, lottery, refused = Limiter(6000, 1e9), Bucket(6000, burst_s=1.0), random.Random(1), []
    far = asyncio.new_event_loop()  # the server's, which does not wait for ours
    Thread(target=far.run_forever, daemon=True).start()

    async def answered(late_s: float) -> dict[str, str]:
        await asyncio.sleep(late_s)
        if server.fill() < 1:
            refused.append(server.level)
        server.level -= 1
        left = f"{max(0, server.level):.0f}"
        await asyncio.sleep(0.2 + lottery.uniform(0, 0.05))
        return {"x-ratelimit-limit-requests": "6000", "x-ratelimit-remaining-requests": left}

    async def one() -> None:
        ticket = await limiter.wait(1)
        answer = asyncio.run_coroutine_threadsafe(answered(lottery.uniform(0, late_s)), far)
        limiter.heard(ticket, await asyncio.wrap_future(answer))

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(300)))

    sockets = Gathering()
    sockets.beat_s = beat_s
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(sockets)) as runner:
        runner.run(run())
    far.call_soon_threadsafe(far.stop)
    assert len(refused) <= 1
