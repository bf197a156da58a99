"""A process that runs queries, so that one which hangs, eats memory or kills it costs one item, not the run.

SIGKILL is nobody's but the machine's or its people's: no query brings it about. The item in hand is tried once more.

The child is `python -m tasks.sql.worker FD`. It says `READY` when it has started, gets jobs (work, setup, items,
config), and answers each with `READY` after the setup and one message for each item: ('result', value) or
('failed', reason).
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from tasks.common import process
from tasks.common.errors import StageError
from tasks.sql.budget import budget
from tasks.sql.config import SqlConfig

MEMORY_BYTES = 2**30  # address space of one worker, of which it takes about 80 MB to begin with
SETUP_ITEMS = 5  # a setup may take as long as this many items
WALL = 20  # wall seconds for a CPU second: the machine may be busy
START_S = 120.0
STARTS = 3  # of a child that somebody kills while it starts
Setup = tuple[Any, ...]
Message = tuple[str, Any]
READY: Message = ("ready", None)

# lost(in_setup, why): the result of an item that was lost. What is lost in the setup is lost for all its items.
Lost = Callable[[bool, str], Any]


class LostError(Exception):
    """The worker hung or died."""


class Worker:
    """Owner of one child, which is started when first needed and again after it was lost; used by one thread."""

    def __init__(self, config: SqlConfig) -> None:
        self.config = config
        self._ended = False
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def run(self, work: str, setup: Setup, items: Sequence[str], lost: Lost) -> Iterator[Any]:
        """Yield one result for each item, in order; fewer if `end` was called.

        Args:
            work: 'compare' or 'check'.
            setup: what the items share.
            items: queries.
            lost: makes the result of an item on which the worker was lost or that it failed to handle.

        Raises:
            StageError: the child does not start.
        """
        done, again = 0, -1
        while done < len(items) and not self._ended:
            why = "too slow (its worker was stopped)"
            ready = False
            try:
                line = self._started()
                line.send((work, setup, list(items[done:]), self.config.model_dump()))
                kind, value = self._receive(line, WALL * SETUP_ITEMS * self.config.query_timeout_s)
                ready, why = kind == "ready", value or why
                while ready and done < len(items):
                    kind, value = self._receive(line, WALL * self.config.query_timeout_s)
                    yield value if kind == "result" else lost(False, value)
                    done += 1
            except (LostError, OSError):
                killed = self._was_killed()
                self.stop()
                if killed and again != done:
                    again = done
                    continue
            stuck = min(1, len(items) - done) if ready else len(items) - done
            for _ in range(0 if self._ended else stuck):
                yield lost(not ready, why)
            done += stuck

    def _receive(self, line: Connection, deadline_s: float) -> Message:
        try:
            if line.poll(deadline_s):
                message: Message = line.recv()
                return message
        except (EOFError, OSError):
            pass
        raise LostError

    def _started(self) -> Connection:
        if self._line is not None:
            return self._line
        for _ in range(STARTS):
            line, command = self._start()
            try:
                self._receive(line, START_S)
                return line
            except LostError:
                if self._ended:
                    raise
                killed = self._was_killed()
                self.stop()
            if not killed:
                break
        raise StageError(f"the worker that runs SQL does not start: {' '.join(command)}")

    def _start(self) -> tuple[Connection, list[str]]:
        self._line, theirs = Pipe()
        command = [sys.executable, "-m", "tasks.sql.worker", str(theirs.fileno())]
        self._child = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        theirs.close()
        if self._ended:
            self._child.kill()
        return self._line, command

    def _was_killed(self) -> bool:
        """Whether the child was ended by SIGKILL, and not by us."""
        if self._child is None or self._ended:
            return False
        try:
            return self._child.wait(1) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def end(self) -> None:
        """Called from another thread: let `run` return soon."""
        self._ended = True
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """End the child."""
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
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # not a byte into any file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nor by dying
    line: Connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError):
        line.send(READY)
        while True:
            work, setup, items, config = line.recv()
            for message in _answers(WORK[work], setup, items, SqlConfig(**config)):
                line.send(message)


def _answers(work: Callable[..., Any], setup: Setup, items: Sequence[str], config: SqlConfig) -> Iterator[Message]:
    try:
        with budget(SETUP_ITEMS * config.query_timeout_s):
            prepared = work(setup, config)
    except Exception as error:  # a fault of ours that some text brings out must not end the run
        yield _failed(error)
        return
    yield READY
    for item in items:
        try:
            with budget(config.query_timeout_s):
                message = ("result", prepared.answer(item))
        except Exception as error:
            message = _failed(error)
        yield message
    prepared.close()


def _failed(error: Exception) -> Message:
    if isinstance(error, MemoryError):
        return "failed", "needs too much memory"
    return "failed", f"cannot be handled ({type(error).__name__}: {str(error)[:160]})"


if __name__ == "__main__":
    main()
