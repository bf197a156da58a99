"""The pool of workers: results keep their order whatever the number of processes, and a lost worker costs one item."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.common.errors import StageError
from tasks.sql import worker
from tasks.sql.config import SqlConfig
from tasks.sql.pool import ITEMS_A_PART, run_jobs

DDL = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20));"
ANSWERS = [
    "SELECT a FROM t",
    "SELECT c FROM t",
    "SELECT a FROM t WHERE 1 = 2",
    "nonsense",
    "SELECT b FROM t WHERE a > 3",
]
CONFIG = SqlConfig(databases=3)


def lost(in_setup: bool, why: str) -> list[str]:
    return ["setup" if in_setup else "item", why]


def jobs(count: int) -> list[Any]:
    contexts = [DDL, DDL.replace("a INT", "a DATE"), "nonsense"]
    return [((contexts[i % 3], "mysql", True), (ANSWERS * 100)[: i % 7 * 40 + i]) for i in range(count)]


def test_results_do_not_depend_on_the_number_of_processes() -> None:
    work = jobs(8)
    told: list[tuple[int, int, str]] = []
    one = run_jobs("check", work, CONFIG, lost, lambda *t: told.append(t), processes=1)
    assert [len(r) for r in one] == [len(items) for _, items in work]
    assert max(len(r) for r in one) > ITEMS_A_PART
    assert one == run_jobs("check", work, CONFIG, lost, processes=3)
    assert [t[0] for t in told] == list(range(told[-1][1] + 1))
    assert one[3][:4] == [[], ["unknown column: c"], ["answer returns no rows on any generated database"], one[3][3]]


def test_nothing_to_do() -> None:
    assert run_jobs("check", [], CONFIG, lost) == []
    assert run_jobs("check", [((DDL, "mysql", True), [])], CONFIG, lost) == [[]]


def test_a_worker_killed_once_costs_nothing() -> None:
    items = [f"SELECT a FROM t WHERE a > {i}" for i in range(60)]

    def kill_once(done: int, total: int, what: str) -> None:
        if done == 10:
            for child in psutil.Process().children():
                child.send_signal(signal.SIGKILL)

    found = run_jobs("check", [((DDL, "mysql", True), items)], CONFIG, lost, kill_once, processes=1)[0]
    assert not any(found), "the item in hand was asked once more"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_an_item_that_kills_its_worker_is_lost_alone(sign: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    received = worker.Worker._receive
    done: list[Any] = []

    def receive(self: worker.Worker, line: Any, deadline_s: float) -> Any:
        asked = deadline_s == worker.WALL * CONFIG.query_timeout_s and self._child
        if asked and len(done) >= 10 and "lost" not in done:  # again if its answer was on the wire already
            self._child.send_signal(sign)
            self._child.wait()
        message = received(self, line, deadline_s)
        done.extend([message] * (message[0] == "result"))
        return message

    def lose(in_setup: bool, why: str) -> list[str]:
        done.append("lost")
        return lost(in_setup, why)

    monkeypatch.setattr(worker.Worker, "_receive", receive)
    items = [f"SELECT a FROM t WHERE a > {i}" for i in range(60)]
    found = run_jobs("check", [((DDL, "mysql", True), items)], CONFIG, lose, processes=1)[0]
    assert [f for f in found if f] == [["item", "too slow (its worker was stopped)"]]


def test_a_worker_killed_while_it_starts_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    received = worker.Worker._receive
    starts: list[int] = []

    def receive(self: worker.Worker, line: Any, deadline_s: float) -> Any:
        if deadline_s == worker.START_S and self._child:
            starts.append(self._child.pid)
            if len(starts) < worker.STARTS:
                self._child.kill()
        return received(self, line, deadline_s)

    monkeypatch.setattr(worker.Worker, "_receive", receive)
    found = run_jobs("check", [((DDL, "mysql", True), ["SELECT a FROM t"])], CONFIG, lost, processes=1)
    assert found == [[[]]] and len(starts) == worker.STARTS


def test_a_setup_that_is_lost_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    receive = worker.Worker._receive

    def receive_or_die(self: worker.Worker, line: Any, deadline_s: float) -> Any:
        if deadline_s == worker.WALL * worker.SETUP_ITEMS * CONFIG.query_timeout_s:
            tried.append(1)
            raise worker.LostError
        return receive(self, line, deadline_s)

    monkeypatch.setattr(worker.Worker, "_receive", receive_or_die)
    found = run_jobs("check", [((DDL, "mysql", True), ["SELECT 1"] * 900)], CONFIG, lost, processes=1)[0]
    assert found == [["setup", "too slow (its worker was stopped)"]] * 900
    assert len(tried) == 1


def test_a_worker_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StageError, match="does not start"):
        run_jobs("check", jobs(3), CONFIG, lost)


def commands_of_children() -> Iterator[str]:
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # one of another test that has ended, and that nobody has waited for
            yield " ".join(child.cmdline())


def test_an_error_while_telling_ends_all_workers_and_threads(tmp_path: Path) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_jobs("check", jobs(9), CONFIG, lost, stop, processes=3)
    time.sleep(0.1)
    assert threading.active_count() == threads
    assert not [command for command in commands_of_children() if "tasks.sql.worker" in command]


def test_a_worker_dies_with_its_owner(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        one = worker.Worker(CONFIG)
        one._started()
        assert one._child is not None
        (tmp_path / "pid").write_text(str(one._child.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError("the worker outlived its owner")
