"""Where the stages run: in the flow's process, or on Dask or Ray, by one environment variable.

    TEXT2SQL_TASK_RUNNER=threads                  in the flow's own process (the default)
    TEXT2SQL_TASK_RUNNER=dask                     in a Dask worker on this machine, started for the flow
    TEXT2SQL_TASK_RUNNER=dask=tcp://host:8786     on a Dask cluster
    TEXT2SQL_TASK_RUNNER=ray                      in a Ray worker on this machine, started for the flow
    TEXT2SQL_TASK_RUNNER=ray=ray://host:10001     on a Ray cluster

On a cluster, what makes rows, models, answers, scores and verdicts runs where the cluster wants it; what decides,
registers and tells stays in the flow. All machines see the store under the same absolute path.
"""

from __future__ import annotations

import os
import socket
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from prefect import Task
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks.common.errors import InputError
from tasks.common.task import shared_server

P = ParamSpec("P")
R = TypeVar("R")

VARIABLE = "TEXT2SQL_TASK_RUNNER"
SCHEMES = {"dask": ("tcp", "tls"), "ray": ("ray",)}
ANSWER_S = 10.0  # a scheduler that does not take a connection in this time is not there
# Stages hand each other references of a few hundred bytes.
LOCAL_DASK = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
LOCAL_RAY = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20}


def task_runner(asked: str) -> TaskRunner[Any]:
    """The task runner that `asked`, a value of TEXT2SQL_TASK_RUNNER, names; nothing is started.

    Raises:
        InputError: there is no such runner, or its package is not installed.
    """
    kind, separator, address = asked.partition("=")
    if asked == "threads":
        return ThreadPoolTaskRunner()
    if kind not in SCHEMES or (separator and not _is_address(address, SCHEMES[kind])):
        known = "threads, dask, dask=tcp://HOST:PORT, ray, ray=ray://HOST:PORT"
        raise InputError(f"{VARIABLE}: '{asked}' is no task runner; known: {known}")
    try:
        return _dask(address) if kind == "dask" else _ray(address)
    except ImportError as error:
        raise InputError(f"{VARIABLE}: '{kind}' needs `pip install prefect-{kind}` ({error})") from None


def check_runner() -> None:
    """Before anything starts: the runner that is asked for can be used.

    Raises:
        InputError: there is no such runner, its package, its cluster or the Prefect server that it needs is missing.
    """
    asked = os.environ.get(VARIABLE, "threads")
    if isinstance(task_runner(asked), ThreadPoolTaskRunner):
        return
    if not shared_server():  # each worker would start one of its own
        raise InputError(f"{VARIABLE}: '{asked}' needs a Prefect server, and PREFECT_API_URL is not set")
    address = urlsplit(asked.partition("=")[2])
    if address.hostname is None:
        return
    try:
        socket.create_connection((address.hostname, address.port or 0), ANSWER_S).close()
    except OSError as error:
        raise InputError(f"{VARIABLE}: nobody answers at {address.netloc}: {error}") from None


def run(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a stage's task on the flow's task runner, and wait for what it returns.

    Stages do not run beside each other: one takes all cores or the GPU of its machine, and a query has its seconds.
    With Prefect's threads a stage runs in the flow's own thread, not in the pool. Only there a signal reaches it, so
    that a cancelled night ends the stage's processes at once; the pool would wait for its end.
    """
    if isinstance(RUNNER, ThreadPoolTaskRunner):
        return task(*args, **kwargs)
    return task.submit(*args, **kwargs).result()


def _dask(address: str) -> TaskRunner[Any]:
    from prefect_dask import DaskTaskRunner

    if address:
        return DaskTaskRunner(address=address)
    _give_it_all_cores()
    return DaskTaskRunner(cluster_kwargs=LOCAL_DASK)


def _ray(address: str) -> TaskRunner[Any]:
    import ray  # noqa: F401  (prefect_ray loads it so late that its absence could not be told in one line)
    from prefect_ray import RayTaskRunner

    if address:
        return RayTaskRunner(address=address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to a host outside
    _give_it_all_cores()
    return RayTaskRunner(init_kwargs=LOCAL_RAY)


def _is_address(address: str, schemes: tuple[str, ...]) -> bool:
    try:
        url = urlsplit(address)
        return url.scheme in schemes and bool(url.hostname and url.port)
    except ValueError:  # a port that is none
        return False


def _give_it_all_cores() -> None:
    """Dask and Ray allow a worker one thread unless told otherwise, and it passes that on to its child processes."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(len(os.sched_getaffinity(0))))


def _of_the_flows() -> TaskRunner[Any]:
    try:
        return task_runner(os.environ.get(VARIABLE, "threads"))
    except InputError:  # told by `check_runner`, as an import cannot tell it in one line
        return ThreadPoolTaskRunner()


RUNNER = _of_the_flows()  # of every flow that has stages
