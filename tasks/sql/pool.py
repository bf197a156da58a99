"""Jobs spread over several worker processes; results do not depend on how many there are."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from tasks.common.progress import Progress, silent
from tasks.sql.config import SqlConfig
from tasks.sql.worker import Lost, Setup, Worker

ITEMS_A_PART = 200  # a large job is shared by all workers, and a lost worker repeats little

Job = tuple[Setup, Sequence[str]]


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    work: str,
    jobs: Sequence[Job],
    config: SqlConfig,
    lost: Lost,
    progress: Progress = silent,
    processes: int | None = None,
) -> list[list[Any]]:
    """Work through jobs in several processes.

    Args:
        work: 'compare' or 'check' (see `jobs.WORK`).
        jobs: (setup, items): what the items share, e.g. a schema and its gold query, and the queries themselves.
        config: databases and time limits.
        lost: makes the result of an item on which its worker hung, died or failed.
        progress: hears (done, total, 'rows') for each item, in the calling thread.
        processes: how many at once; as many as there are cores by default.

    Returns:
        For each job the results of its items, in order.

    Raises:
        StageError: a worker does not start.
    """
    results: list[list[Any]] = [[None] * len(items) for _, items in jobs]
    parts = deque((job, start) for job, (_, items) in enumerate(jobs) for start in range(0, len(items), ITEMS_A_PART))
    total = sum(len(items) for _, items in jobs)
    workers = [Worker(config) for _ in range(min(processes or cores(), len(parts)))]
    told: SimpleQueue[tuple[int, int, Any] | BaseException] = SimpleQueue()
    broken: dict[int, str] = {}  # jobs whose setup was lost, and why: it is not tried again for their other parts
    threads = [
        Thread(target=_serve, args=(work, jobs, parts, worker, lost, broken, told), daemon=True) for worker in workers
    ]
    progress(0, total, "rows")
    try:
        for thread in threads:
            thread.start()
        for done in range(1, total + 1):
            found = told.get()
            if isinstance(found, BaseException):
                raise found
            job, position, result = found
            results[job][position] = result
            progress(done, total, "rows")
    finally:
        parts.clear()
        for worker in workers:
            worker.end()
        for thread in threads:
            thread.join()
    return results


def _serve(
    work: str,
    jobs: Sequence[Job],
    parts: deque[tuple[int, int]],
    worker: Worker,
    lost: Lost,
    broken: dict[int, str],
    told: SimpleQueue[tuple[int, int, Any] | BaseException],
) -> None:
    """One thread: give one worker part after part."""
    try:
        while parts:
            try:
                job, start = parts.popleft()
            except IndexError:  # another thread was quicker
                break
            setup, items = jobs[job]
            items = items[start : start + ITEMS_A_PART]
            if job in broken:
                results = iter([lost(True, broken[job])] * len(items))
            else:
                results = worker.run(work, setup, items, partial(_note, lost, broken, job))
            for position, result in enumerate(results, start):
                told.put((job, position, result))
    except BaseException as error:
        told.put(error)
    finally:
        worker.stop()


def _note(lost: Lost, broken: dict[int, str], job: int, in_setup: bool, why: str) -> Any:
    if in_setup:
        broken[job] = why
    return lost(in_setup, why)
