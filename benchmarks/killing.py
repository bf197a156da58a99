"""A command killed with SIGKILL in the middle, started again, and killed again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.writing_server import WritingServer
from tasks.llm.journal import Journal
from tasks.llm.reply import Reply


@dataclass(frozen=True)
class Killed:
    """What came of it.

    Attributes:
        kills: how often it was killed.
        asked_again: requests sent again although their answer had been filed before a kill.
        paid_twice: requests answered more than once; their answers were on their way at a kill.
    """

    kills: int
    asked_again: int
    paid_twice: int


def run_with_kills(
    command: Sequence[str], env: Mapping[str, str], journal: Path, kill_at: Sequence[int], server: WritingServer
) -> Killed:
    """Run a command that files answers in a journal; kill it as soon as there are so many, and start it anew.

    Args:
        command: what is run.
        env: its environment.
        journal: the file of answers.
        kill_at: numbers of filed answers, rising; after the last kill the command runs to its end.
        server: who answers.

    Raises:
        RuntimeError: the command ended by itself before it was to be killed, or failed; with its output.
    """
    answered_before = server.asked.copy()
    known: list[tuple[set[str], dict[str, int]]] = []
    for lines in [*kill_at, None]:
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child:
            while lines is not None and child.poll() is None and _lines(journal) < lines:
                time.sleep(0.005)
            if lines is not None and child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
            output, _ = child.communicate()
        if child.returncode != (0 if lines is None else -signal.SIGKILL):
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {output[-3000:]}")
        known.append((_keys(journal), dict(server.asked)))
    again = sum(server.asked[key] - then.get(key, 0) for keys, then in known[:-1] for key in keys)
    ours = server.asked - answered_before
    return Killed(len(kill_at), again, ours.total() - len(ours))


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def _keys(journal: Path) -> set[str]:
    book = Journal(journal, Reply)
    keys = {Reply.model_validate_json(line).key for line in journal.read_bytes().splitlines()}
    return {key for key in keys if book.find(key)}
