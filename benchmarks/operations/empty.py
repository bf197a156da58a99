"""A flow of tasks that do nothing, on the task runner of the flows: `python -m benchmarks.operations.empty TASKS`.

The last line tells, as JSON, the seconds from the start of this process to the end of the first task, and the median
of the milliseconds that the others took.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import psutil
from prefect import flow, task

from flows.embedded import embedded_server
from flows.runner import RUNNER, run


@task(persist_result=False)
def nothing() -> None:
    """Return at once."""


@flow(task_runner=RUNNER)
def many(tasks: int) -> dict[str, float]:
    """Run `tasks` empty tasks after a first one."""
    run(nothing)
    first_s = time.time() - psutil.Process().create_time()
    taken = []
    for _ in range(tasks):
        began = time.perf_counter()
        run(nothing)
        taken.append(1000 * (time.perf_counter() - began))
    return {"first_task_s": round(first_s, 2), "task_ms": round(statistics.median(taken), 1)}


if __name__ == "__main__":
    with embedded_server() as wait_until_up:
        wait_until_up()
        print(json.dumps(many(int(sys.argv[1]))), flush=True)
