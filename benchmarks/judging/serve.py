"""Starts the local server in a process of its own, and asks it what happened."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Remote:
    """The running server: its address, its counts, its settings."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self.url = f"{self._root}/v1"

    def stats(self) -> dict[str, Any]:
        """See `server.Server.stats`; rows by number."""
        stats = self._call("/stats")
        for name in ("asked", "answered"):
            stats[name] = {int(number): count for number, count in stats[name].items()}
        return stats

    def set(self, **settings: Any) -> None:
        """Change settings while it runs."""
        self._call("/settings", json.dumps(settings).encode())

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self._root + path, data=body), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def llm_server(**settings: Any) -> Iterator[Remote]:
    """The server with `settings` (see `server.Settings`), stopped in the end."""
    command = [sys.executable, "-m", "benchmarks.judging.server", json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            yield Remote(int(child.stdout.readline()))
        finally:
            child.stdin.close()  # it ends with its input, also when we are killed
            child.terminate()
