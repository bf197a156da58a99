"""Prefect's server for one run, where no other is configured: a process that ends with ours, however that ends.

Prefect would start one as well, but not before all that a flow imports, and would leave it running when we are killed.
"""

from __future__ import annotations

import atexit
import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tasks.common.errors import StageError
from tasks.common.process import die_with_parent, stop

ANSWER_S = 30.0  # a configured server that says nothing for so long is not there; one that ends has ended
# The server files once a second; when it is looked at so often, so far apart, and nothing changes, it is done.
PAUSE_S, ALIKE, LONGEST = 0.5, 4, 20


@contextmanager
def embedded_server() -> Iterator[Callable[[], None]]:
    """A server that comes up while the body imports a flow and checks its input; none if one is configured.

    Yields:
        Called when that is done, waits until the server answers; raises a `StageError` if it does not.
    """
    gc.disable()
    atexit.register(gc.freeze)  # what was imported stays to the end: nobody looks through it, which takes seconds
    started = None if os.environ.get("PREFECT_API_URL") else _start()
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_UI_URL, temporary_settings

    from tasks.common.task import EMBEDDED

    if configured := PREFECT_API_URL.value():  # in the environment, or in Prefect's profile
        if started:
            stop(started[0])
        yield lambda: _answers(configured, ANSWER_S)
        return
    assert started
    server, url = started
    # It has no UI, and nobody there listens to heartbeats, for which each flow waits when it ends.
    quiet = {PREFECT_UI_URL: "", PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    os.environ[EMBEDDED] = "1"
    with temporary_settings({PREFECT_API_URL: url, **quiet}) as settings:
        yield lambda: _comes_up(server, url, settings.server.ephemeral.startup_timeout_seconds)


def _start() -> tuple[subprocess.Popen[bytes], str]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = subprocess.Popen(
            [sys.executable, "-m", "flows.embedded", str(door.fileno())],
            pass_fds=[door.fileno()],
            start_new_session=True,  # Ctrl-C is for us, who have something to tell the server
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        atexit.register(stop, server)  # first registered, last run: the logs are written by then
        return server, f"http://127.0.0.1:{door.getsockname()[1]}/api"


def _comes_up(server: subprocess.Popen[bytes], url: str, seconds: float) -> None:
    """It listens from the beginning, so its first answer comes when it is up, or the connection breaks."""
    print(f"Prefect's embedded server starts at {url}", file=sys.stderr)
    try:
        _answers(url, seconds)
    except StageError:
        with suppress(subprocess.TimeoutExpired):
            status = server.wait(ANSWER_S)
            raise StageError(f"Prefect's embedded server ended with exit status {status}; it said why above") from None
        raise
    atexit.register(_settled, url)


def _settled(url: str) -> None:
    """Wait, not for long, until the server has filed how task runs ended: it is told by events, and files them later.

    What it has not filed when it is stopped is lost, and a task run of the past would be called running for ever.
    """
    import httpx2

    seen: list[tuple[Any, ...]] = []
    with suppress(httpx2.HTTPError), httpx2.Client(base_url=url) as server:
        while len(seen) < ALIKE or (len(set(seen[-ALIKE:])) > 1 and len(seen) < LONGEST):
            time.sleep(PAUSE_S)
            unfinished = {"task_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}}
            seen.append(tuple(server.post("/task_runs/count", json=asked).json() for asked in ({}, unfinished)))


def _answers(url: str, seconds: float) -> None:
    import httpx2

    gc.enable()
    try:
        httpx2.get(f"{url}/health", timeout=seconds)
    except httpx2.TransportError as error:
        raise StageError(f"no Prefect server answers at {url} ({str(error) or type(error).__name__})") from None


def _serve() -> None:
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    server.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    _serve()
