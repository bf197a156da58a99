"""A judge without a key: `transformers serve` on this machine, started by us and stopped with us."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tasks.common.errors import StageError
from tasks.common.process import start, stop

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
    "OMP_WAIT_POLICY": "passive",  # threads that spin while they wait make a busy machine several times slower
}
_HOST = "127.0.0.1"


@contextmanager
def serve_model(model: Path, log: Path, *, ready_s: float = 300.0) -> Iterator[str]:
    """Serve a folder with a saved model; the base URL of its OpenAI-compatible API.

    Args:
        model: the folder, which is also the model's name in requests.
        log: file that takes what the server prints.
        ready_s: longest wait until it answers.

    Raises:
        StageError: it did not start; the message ends with its last line.
    """
    port = _free_port()
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    child = start([*command, "--host", _HOST, "--port", str(port)], env=_ENVIRONMENT)
    with log.open("a", encoding="utf-8") as file:
        assert child.stdout is not None
        reader = threading.Thread(target=shutil.copyfileobj, args=(child.stdout, file), daemon=True)
        reader.start()  # a full pipe would stop the server
        try:
            _wait_until_ready(child, port, log, file, ready_s)
            yield f"http://{_HOST}:{port}/v1"
        finally:
            stop(child)
            reader.join(5.0)


def _wait_until_ready(child: subprocess.Popen[str], port: int, log: Path, file: IO[str], ready_s: float) -> None:
    deadline = time.monotonic() + ready_s
    while time.monotonic() < deadline:
        if child.poll() is not None:
            time.sleep(0.2)  # its last lines are still on their way
            file.flush()
            last = log.read_text("utf-8").strip().rsplit("\n", 1)[-1]
            raise StageError(f"the local judge ended with exit status {child.returncode}: {last} (see {log})")
        if _healthy(port):
            return
        time.sleep(0.3)
    raise StageError(f"the local judge was not ready within {ready_s:.0f} s (see {log})")


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
