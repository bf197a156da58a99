"""An OpenAI-compatible server that fails on demand, over real sockets.

It knows the row from the question's number ("question 17") and says yes to even ones, each after a random
moment, so that a verdict joined to the wrong row is seen. What it does with a request is decided by
`behave(number, nth)`: nth is how often this row has been asked, counting from 1.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate

Behaviour = Callable[[int, int], str]


def verdict_of(number: int) -> str:
    return "yes" if number % 2 == 0 else "no"


class FaultyServer:
    def __init__(self, behave: Behaviour, delay_s: float) -> None:
        self.behave = behave
        self.delay_s = delay_s
        self.asked: Counter[int] = Counter()
        self.bodies: list[dict] = []
        self.times: defaultdict[int, list[float]] = defaultdict(list)  # when each row was asked
        self.url = ""

    @property
    def requests(self) -> int:
        return len(self.bodies)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.I)[1])
        body = json.loads(await reader.readexactly(length))
        key = re.search(r"authorization: Bearer (\S+)", head, re.I)[1]
        number = int(re.search(r"question (\d+)", body["messages"][-1]["content"])[1])
        self.asked[number] += 1
        self.bodies.append(body)
        self.times[number].append(time.monotonic())
        what = self.behave(number, self.asked[number])
        await asyncio.sleep(random.uniform(0, self.delay_s))
        if what == "hang":
            await asyncio.sleep(30)
        if what == "reset":
            writer.transport.abort()
            return False
        status, headers, payload = _response(what, number, body, key)
        cut = len(payload) // 2 if what == "cut connection" else len(payload)
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(payload)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + payload[:cut])
        await writer.drain()
        return cut == len(payload)


def _response(what: str, number: int, body: dict, key: str) -> tuple[int, list[str], bytes]:
    headers = ["content-type: application/json"]
    bodies = {
        "html": b"<html>a login page</html>",
        "bad json": b'{"choices": [{"mess',
        "no choices": b'{"choices": []}',
    }
    if what in bodies:
        return 200, ["content-type: text/html"] if what == "html" else headers, bodies[what]
    if what.startswith("429"):
        wait = {"429 seconds": "0.2", "429 date": formatdate(time.time() + 2, usegmt=True), "429 long": "3600"}
        return 429, [*headers, *([f"retry-after: {wait[what]}"] if what in wait else [])], _error("slow down")
    if what == "quota":
        return 429, headers, _error("You exceeded your current quota", "insufficient_quota")
    if what == "no response_format" and "response_format" in body:
        return 400, headers, _error("response_format of type json_schema is not supported", "bad")
    if what in ("400", "401", "403", "404", "408", "409", "500", "503"):
        return int(what), headers, _error(f"refused, your key was {key}", "bad")
    return 200, headers, _completion(what, number)


def _completion(what: str, number: int) -> bytes:
    word = what if what in ("yes", "no") else verdict_of(number)
    content: str | None = json.dumps({"rationale": f"row {number}", "resolve_yn": word})
    if what == "undecided":
        content = "It depends on the data."
    if what == "cut off":
        content = '{"rationale": "the first query counts the'
    refusal = "I cannot help with that" if what == "refusal" else None
    message = {"role": "assistant", "content": None if refusal else content, "refusal": refusal}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    completion = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
    return json.dumps(completion).encode()


def _error(message: str, code: str = "rate_limit_exceeded") -> bytes:
    return json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()


@contextmanager
def faulty_server(behave: Behaviour = lambda number, nth: "ok", delay_s: float = 0.01) -> Iterator[FaultyServer]:
    server = FaultyServer(behave, delay_s)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(server.handle, "127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        listening.close()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
