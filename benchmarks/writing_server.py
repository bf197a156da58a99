"""An OpenAI-compatible server around a scripted model, which counts what it was asked."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.writing_model import REFUSAL, Messages, RefusalError, write
from tasks.llm.client import Request
from tasks.synthesis.asker import request_key

_TOLD = ("temperature", "max_completion_tokens")  # sampling parameters that requests carry


class WritingServer:
    """What the server knows.

    Attributes:
        url: its address, as `base_url`.
        asked: how often each request was answered, by the key that the journal files its answer under.
        refused: requests turned away with status 429 or 500.
        keys: the API keys seen.
        empty: from now on the account is empty.
        model: what answers a chat.
        turned_away: chats that always get status 500.
    """

    def __init__(self, delay_s: float, fault_share: float, model: Callable[[Messages], str]) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.refused = 0
        self.tokens = 0
        self.keys: set[str] = set()
        self.empty = False
        self._delay_s = delay_s
        self._fault_share = fault_share
        self.model = model
        self.turned_away: Callable[[Messages], bool] = lambda messages: False
        self._lock = threading.Lock()
        self._luck = random.Random(1)

    def answer(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON body for one request."""
        time.sleep(random.uniform(0, 2 * self._delay_s))
        with self._lock:
            self.keys.add(key)
            luck = self._luck.random()
            if self.empty:
                return 429, _error("You exceeded your current quota", "insufficient_quota")
            if self.turned_away(body["messages"]):
                return 500, _error("not this one", "")
            if luck < self._fault_share:
                self.refused += 1
                return (
                    (429, _error("slow down", "rate_limit"))
                    if luck * 2 < self._fault_share
                    else (500, _error("oh", ""))
                )
            request = Request(body["messages"], {n: body[n] for n in _TOLD}, body.get("response_format"))
            self.asked[request_key(f"{body['model']} at {self.url}", request)] += 1
        try:
            content, refusal = self.model(body["messages"]), None
        except RefusalError:
            content, refusal = None, REFUSAL
        usage = {
            "prompt_tokens": len(json.dumps(body["messages"])) // 4,
            "completion_tokens": len(content or REFUSAL) // 4,
        }
        with self._lock:
            self.tokens += sum(usage.values())
        message = {"role": "assistant", "content": content, "refusal": refusal}
        return 200, {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage}


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "code": code}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: it is mostly that the one who asked was killed."""


@contextmanager
def writing_server(
    delay_s: float = 0.05, fault_share: float = 0.0, model: Callable[[Messages], str] = write
) -> Iterator[WritingServer]:
    """Serve on this machine while the block runs.

    Args:
        delay_s: time an answer takes on average.
        fault_share: of requests that get status 429 or 500 at first.
        model: what answers a chat.
    """
    state = WritingServer(delay_s, fault_share, model)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = state.answer(body, self.headers["authorization"].removeprefix("Bearer "))
            payload = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            except ConnectionError:  # the one who asked was killed
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
