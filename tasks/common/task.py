"""What the doors of all rooms share: lines in Prefect's logs, progress, events, and the turn to train."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ParamSpec, TypeVar

from filelock import Timeout
from prefect import Task, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings

from tasks.common.errors import StageError
from tasks.common.process import KilledError
from tasks.common.progress import Progress, throttled
from tasks.common.store import StageOutput
from tasks.common.turn import TRAINING, cards_lock

EMBEDDED = "TEXT2SQL_EMBEDDED"  # set where PREFECT_API_URL is of a server for this run alone (flows/embedded.py)
LEASE_S = 60  # after this a killed training's slot is free again
P = ParamSpec("P")
R = TypeVar("R")


def named_task(run_name: str, *, again_if_killed: bool = False) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task of the flows: stages keep their outputs themselves, so Prefect caches and stores nothing.

    Args:
        run_name: the task's name, with what tells its runs apart as '{ARGUMENT}' at the end.
        again_if_killed: its work is a child process that goes on from what it has; killed from outside, it is tried
            again twice.
    """
    return task(
        name=run_name.partition("{")[0].rstrip(" ("),
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=2 if again_if_killed else 0,
        retry_condition_fn=_was_killed if again_if_killed else None,
    )


def task_progress(description: str, every_s: float = 5.0) -> Progress:
    """A `Progress` that writes to the run's log and keeps one progress artifact up to date."""
    logger = get_run_logger()
    artifact = None

    def tell(line: str, percent: float) -> None:
        nonlocal artifact
        logger.info("%s %s", description, line)
        if artifact is None:
            artifact = create_progress_artifact(progress=percent, description=description, _sync=True)  # type: ignore[call-arg]
        else:
            update_progress_artifact(artifact, progress=percent, _sync=True)

    return throttled(tell, every_s)


def log_output(output: StageOutput) -> StageOutput:
    """Say in the run's log what a stage made, or that it was there already."""
    counts = ", ".join(f"{name} {value}" for name, value in output.counts.items())
    how = "reused" if output.reused else f"made in {output.seconds:.1f} s"
    get_run_logger().info("%s %s (%s): %s", output.stage, how, output.key[:8], counts)
    return output


def shared_server() -> bool:
    """Whether runs are told to a server that others use, too: not to one that was started for this run alone."""
    return get_current_settings().api.url is not None and EMBEDDED not in os.environ


@contextmanager
def one_training() -> Iterator[None]:
    """Wait for the turn to train: for a slot among all machines of a server, if there is one, and for the cards.

    Raises:
        StageError: the server has no such limit.
    """
    logger, cards = get_run_logger(), cards_lock()
    with ExitStack() as held:
        if shared_server():
            logger.info("waiting for the turn to train (concurrency limit %s)", TRAINING)
            # A lease that cannot be renewed, as the server is down, ends no training: the lock still keeps others out.
            slot = concurrency(TRAINING, lease_duration=LEASE_S, strict=True, raise_on_lease_renewal_failure=False)
            try:
                held.enter_context(slot)
            except ConcurrencySlotAcquisitionError:
                raise StageError(
                    f"the server has no concurrency limit '{TRAINING}', which keeps trainings apart: `make deploy` "
                    "makes it"
                ) from None
        try:
            cards.acquire(timeout=0)
        except Timeout:
            logger.info("another training runs on this machine; this one starts when that has ended")
            cards.acquire()
        held.callback(cards.release)
        logger.info("training may start")
        yield


def announce(what: str, name: str, **payload: Any) -> None:
    """Emit the event `text2sql.WHAT` about `name`, for the triggers of `prefect.yaml` and the automations."""
    about, _, _ = what.partition(".")
    emit_event(f"text2sql.{what}", {"prefect.resource.id": f"text2sql.{about}.{name}"}, payload=payload)


def _was_killed(_task: Task[Any, Any], _run: TaskRun, state: State) -> bool:
    """Whether a task is worth another try: its child was killed from outside, and goes on from what it has."""
    return isinstance(state.result(raise_on_failure=False), KilledError)
