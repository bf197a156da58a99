"""A process that runs queries, and its owner's side: a query that hangs or kills it costs one row, not the run.

The child is `python -m tasks.sql.worker FD`; it gets jobs (work, setup, items) and sends 'ready' after the setup,
then one result for each item.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from tasks.common import process
from tasks.sql.config import SqlConfig

MEMORY_BYTES = 4 * 2**30
READY = "ready"
Setup = tuple[Any, ...]


class LostError(Exception):
    """The worker hung or died."""


class Worker:
    """Owner of one child, which is started when first needed and again after it was lost."""

    def __init__(self, config: SqlConfig) -> None:
        self.config = config
        self.deadline_s = 5 + 5 * config.query_timeout_s
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop()

    def run(self, work: str, setup: Setup, items: Sequence[str], lost: Callable[[bool], Any]) -> Iterator[Any]:
        """Yield one result for each item, in order.

        Args:
            work: 'compare' or 'check'.
            setup: what the items share.
            items: queries.
            lost: makes the result of an item on which the worker was lost; its argument tells whether that
                happened in the setup (then all that are left get it).
        """
        done = 0
        while done < len(items):
            ready = False
            try:
                line = self._started()
                line.send((work, setup, list(items[done:]), self.config.model_dump()))
                self._receive(line, 4 * self.deadline_s)
                ready = True
                while done < len(items):
                    yield self._receive(line, self.deadline_s)
                    done += 1
            except LostError:
                self._stop()
                stuck = 1 if ready else len(items) - done
                for _ in range(stuck):
                    yield lost(not ready)
                done += stuck

    def _receive(self, line: Connection, deadline_s: float) -> Any:
        try:
            if line.poll(deadline_s):
                return line.recv()
        except (EOFError, OSError):
            pass
        raise LostError

    def _started(self) -> Connection:
        if self._line is None:
            ours, theirs = Pipe()
            command = [sys.executable, "-m", "tasks.sql.worker", str(theirs.fileno())]
            self._child = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            theirs.close()
            self._line = ours
        return self._line

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        if self._line is not None:
            self._line.close()
        self._child = self._line = None


def main() -> None:
    """The child: serve jobs until the owner is gone."""
    from tasks.sql.jobs import WORK  # only here: the owner's side needs none of it

    if sys.platform == "linux":
        process.die_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    line: Connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError):
        while True:
            work, setup, items, config = line.recv()
            for result in WORK[work](setup, items, SqlConfig(**config)):
                line.send(result)


if __name__ == "__main__":
    main()
