"""The peer: a loop that does what the OpenAI cookbook's parallel processor does, on aiohttp.

One loop looks every millisecond whether the next request may go: it holds one next request at a time, counts
requests and tokens against buckets that fill by the minute's rate, waits 15 s after a rate-limit error, tries a
request five times, and appends each result to a file. Its tokens are counted with tiktoken, over a vocabulary
made here (the published ones are a download); its results hold no name of the row.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import tiktoken

POLL_S = 0.001
PAUSE_S = 15.0
ATTEMPTS = 5

# 256 bytes and pairs of letters: fewer merges than a published vocabulary, so less work for the peer.
_RANKS = {bytes([i]): i for i in range(256)} | {
    bytes([a, b]): 256 + 26 * i + j for i, a in enumerate(range(97, 123)) for j, b in enumerate(range(97, 123))
}
_ENCODING = tiktoken.Encoding("pairs", pat_str=r"\s?\w+|\s|[^\w\s]", mergeable_ranks=_RANKS, special_tokens={})


Waiting = tuple[dict[str, Any], int, int]  # body, its tokens, tries left


@dataclass
class Status:
    """What happened so far."""

    in_progress: int = 0
    limited_at: float = 0.0
    other_errors: int = 0


async def process(bodies: Iterable[dict[str, Any]], url: str, key: str, rpm: float, tpm: float, results: Path) -> None:
    """Send every body and append [body, answer] to `results` as they come."""
    queue: asyncio.Queue[Waiting] = asyncio.Queue()
    status = Status()
    source = iter(bodies)
    requests, tokens = rpm, tpm
    updated = time.time()
    following: Waiting | None = None
    not_finished = True
    running: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        while True:
            if following is None:
                if not queue.empty():
                    following = queue.get_nowait()
                elif not_finished:
                    try:
                        body = next(source)
                        following = (body, _tokens(body), ATTEMPTS)
                        status.in_progress += 1
                    except StopIteration:
                        not_finished = False
            now = time.time()
            requests = min(requests + rpm * (now - updated) / 60.0, rpm)
            tokens = min(tokens + tpm * (now - updated) / 60.0, tpm)
            updated = now
            if following is not None:
                body, cost, left = following
                if requests >= 1 and tokens >= cost:
                    requests -= 1
                    tokens -= cost
                    task = asyncio.create_task(_call(session, url, (body, cost, left - 1), queue, status, results))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    following = None
            if status.in_progress == 0 and not not_finished:
                break
            await asyncio.sleep(POLL_S)
            since = time.time() - status.limited_at
            if since < PAUSE_S:
                await asyncio.sleep(PAUSE_S - since)


async def _call(
    session: aiohttp.ClientSession,
    url: str,
    waiting: Waiting,
    queue: asyncio.Queue[Waiting],
    status: Status,
    results: Path,
) -> None:
    body, cost, left = waiting
    error: object = None
    answer: dict[str, Any] = {}
    try:
        async with session.post(f"{url}/chat/completions", json=body) as response:
            answer = await response.json()
        if "error" in answer:
            error = answer
            if "rate limit" in answer["error"].get("message", "").lower():
                status.limited_at = time.time()
            else:
                status.other_errors += 1
    except Exception as caught:  # as the original does
        error = caught
    if error is None:
        _append([body, answer], results)
        status.in_progress -= 1
    elif left:
        queue.put_nowait((body, cost, left))
    else:
        _append([body, [str(error)]], results)
        status.in_progress -= 1


def _append(data: object, results: Path) -> None:
    with results.open("a") as file:
        file.write(json.dumps(data) + "\n")


def _tokens(body: dict[str, Any]) -> int:
    count = 0
    for message in body["messages"]:
        count += 4 + sum(len(_ENCODING.encode(value)) for value in message.values())
    return count + 2 + int(body["max_completion_tokens"])
