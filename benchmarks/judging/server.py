"""An OpenAI-compatible server with limits and faults, run in a process of its own (see serve.py).

It knows a row by the number in its question ("question 17") and says yes to even ones, so that a verdict joined
to the wrong row is seen. Limits are token buckets, full at the start, as OpenAI describes its own. Which request
meets which fault follows from the row's number and how often it was asked: the same for every client.

    GET /stats            what happened so far     POST /settings  {"down": true, …} changes settings while it runs
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from benchmarks.judging.batches import Batches

_NUMBER = re.compile(r"question (\d+)\b")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
_KEY_HEADER = re.compile(rb"^(authorization|api-key):", re.I | re.M)
_KEY = re.compile(rb"(?:authorization: Bearer|api-key:) *(\S+)", re.I)
BAD_BODIES = {
    "html": b"<html>a login page</html>",
    "malformed": b'{"choices": [{"mess',
    "no choices": b'{"choices": []}',
}


@dataclass
class Settings:
    """What the server does.

    Attributes:
        rpm: requests a minute it admits; burst_s: so many seconds of them at once.
        tpm: tokens a minute: a quarter of the prompt's characters and the longest answer asked for.
        headers: tell limits in x-ratelimit-* headers; retry_after: tell with a 429 how long to wait.
        median_s: half of the answers take longer; sigma: of the logarithm of that time.
        faults: kind -> share of requests; a row's third try and later meet none.
        hang_s: a hang ends after this.
        down: nobody is answered.
        dead_key: every key is refused.
    """

    rpm: float = 6000
    burst_s: float = 5.0
    tpm: float = 1e9
    headers: bool = True
    retry_after: bool = True
    median_s: float = 0.2
    sigma: float = 0.4
    faults: dict[str, float] = field(default_factory=dict)
    hang_s: float = 30.0
    down: bool = False
    dead_key: bool = False
    batch_s: float = 0.5
    expired: float = 0.0


class Bucket:
    """A token bucket, full at the start."""

    def __init__(self, per_minute: float, burst_s: float) -> None:
        self.per_s = per_minute / 60
        self.size = self.level = self.per_s * burst_s
        self._at = time.monotonic()

    def fill(self) -> float:
        """The level now."""
        now = time.monotonic()
        self.level = min(self.size, self.level + (now - self._at) * self.per_s)
        self._at = now
        return self.level


class Server:
    """Limits, faults and counts; what one request gets."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.requests = Bucket(settings.rpm, settings.burst_s)
        self.tokens = Bucket(settings.tpm, settings.burst_s)
        self.asked: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.counts: Counter[str] = Counter()
        self.heads: set[tuple[str, ...]] = set()
        self.batches = Batches(self)

    def stats(self) -> dict[str, Any]:
        """Counts so far.

        `asked` and `answered` by row; `limited` are 429s that the client provoked; `heads` the different chat
        requests: method, path and in which headers the key came.
        """
        return {
            **{name: dict(getattr(self, name)) for name in ("asked", "answered", "counts")},
            "cpu_s": time.process_time(),
            "heads": sorted(self.heads),
            "batches": len(self.batches.made),
        }

    def chat(self, body: dict[str, Any], key: str) -> tuple[float, str, bytes]:
        """Seconds until the answer, what it is (ok, a fault, a connection's end), and its bytes."""
        self.counts["requests"] += 1
        if self.settings.dead_key:
            return 0.05, "refused", response(401, error(f"Incorrect API key provided: {key}", "invalid_api_key"))
        content = body["messages"][-1]["content"]
        found = _NUMBER.search(content)
        number = int(found[1]) if found else -1
        self.asked[number] += 1
        tokens = sum(len(m["content"]) for m in body["messages"]) / 4 + body.get("max_completion_tokens", 16)
        if (limited := self._limited(tokens)) is not None:
            return 0.005, "limited", limited
        what = fault(self.settings.faults, number, self.asked[number])
        self.counts[what] += 1
        seconds = random.lognormvariate(0, self.settings.sigma) * self.settings.median_s
        return (self.settings.hang_s if what == "hang" else seconds), what, self._answer(what, number)

    def _limited(self, tokens: float) -> bytes | None:
        short = max(
            (1 - self.requests.fill()) / self.requests.per_s,
            (min(tokens, self.tokens.size) - self.tokens.fill()) / self.tokens.per_s,
        )
        if short <= 0:
            self.requests.level -= 1
            self.tokens.level -= tokens
            return None
        self.counts["limited"] += 1
        headers = [f"retry-after: {max(1, round(short + 0.5))}"] if self.settings.retry_after else []
        return response(429, error("Rate limit reached", "rate_limit_exceeded"), [*headers, *self._headers()])

    def _answer(self, what: str, number: int) -> bytes:
        if what in BAD_BODIES:
            return response(200, BAD_BODIES[what], kind="text/html" if what == "html" else "application/json")
        if what.startswith("429"):
            wait = {"429 seconds": "1", "429 date": formatdate(time.time() + 1, usegmt=True)}
            told = [f"retry-after: {wait[what]}"] if what in wait else []
            return response(429, error("Engine overloaded", "overloaded"), [*told, *self._headers()])
        if what.isdigit():
            return response(int(what), error("The server had an error", "server_error"), self._headers())
        self.answered[number] += 1
        return response(200, completion(number, refusal=what == "refusal"), self._headers())

    def _headers(self) -> list[str]:
        if not self.settings.headers:
            return []
        told = []
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            told += [
                f"x-ratelimit-limit-{name}: {bucket.per_s * 60:.0f}",
                f"x-ratelimit-remaining-{name}: {max(0.0, bucket.level):.0f}",
                f"x-ratelimit-reset-{name}: {(bucket.size - bucket.level) / bucket.per_s:.3f}s",
            ]
        return told


def fault(faults: dict[str, float], number: int, nth: int) -> str:
    """What the nth request of a row meets: 'ok' or a kind of fault."""
    if nth > 2 or number < 0:
        return "ok"
    digest = hashlib.blake2b(f"{number}/{nth}".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big") / 2**64
    for kind, share in faults.items():
        if (drawn := drawn - share) < 0:
            return kind
    return "ok"


def completion(number: int, *, refusal: bool = False) -> bytes:
    """A chat completion with the row's verdict."""
    verdict = {"rationale": f"row {number}", "resolve_yn": "yes" if number % 2 == 0 else "no"}
    message = {"role": "assistant", "content": None if refusal else json.dumps(verdict), "refusal": None}
    if refusal:
        message["refusal"] = "I cannot help with that"
    usage = {"prompt_tokens": 400, "completion_tokens": 20, "total_tokens": 420}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def error(message: str, code: str) -> bytes:
    """An error's body."""
    return json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()


def response(status: int, body: bytes, headers: list[str] | None = None, kind: str = "application/json") -> bytes:
    """An HTTP response."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", *(headers or []), "", ""]
    return "\r\n".join(lines).encode() + body


class Connection(asyncio.Protocol):
    """One client's connection: one request after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._data = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the request when it is there whole."""
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if found else None
        if not found or len(rest) < int(length[1] if length else 0):
            return
        self._data = b""
        method, path = head.split(b" ", 2)[:2]
        key = found_key[1].decode() if (found_key := _KEY.search(head)) else ""
        if path.partition(b"?")[0].endswith(b"/chat/completions"):
            kinds = sorted(name.decode().lower() for name in _KEY_HEADER.findall(head))
            self._server.heads.add((method.decode(), path.decode(), *kinds))
        self._route(method.decode(), path.decode().partition("?")[0], rest, key)

    def _route(self, method: str, path: str, body: bytes, key: str) -> None:
        server = self._server
        if path == "/settings":
            for name, value in json.loads(body).items():
                setattr(server.settings, name, value)
            self._transport.write(response(200, b"{}"))
        elif path == "/stats":
            self._transport.write(response(200, json.dumps(server.stats()).encode()))
        elif server.settings.down:
            server.counts["down"] += 1
            if server.counts["down"] % 2:
                self._transport.abort()
            else:
                self._transport.write(response(503, b"upstream connect error"))
        elif path.endswith("/chat/completions"):
            seconds, what, payload = server.chat(json.loads(body), key)
            asyncio.get_running_loop().call_later(seconds, self._send, what, payload)
        else:
            self._transport.write(response(*server.batches.route(method, path, body)))

    def _send(self, what: str, payload: bytes) -> None:
        if what == "reset":
            self._transport.abort()
        elif what == "truncated":
            self._transport.write(payload[:-30])
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(payload)


async def serve(settings: Settings) -> None:
    """Listen on a free port, print it, and go on until standard input ends."""
    server = Server(settings)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=2048)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Settings(**json.loads(sys.argv[1]))))
