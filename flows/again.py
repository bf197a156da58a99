"""What a run does first when it is started again after a crash."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Crashed

from tasks.common.errors import StageError

MOST_STARTS = 6  # of one run; an automation starts a crashed one again
LEFT = [StateType.RUNNING, StateType.PENDING]


def go_on() -> None:
    """In a run that was started again: mark as crashed what its last start left 'Running', and do not try for ever.

    Raises:
        StageError: it has crashed so often that once more would not help.
    """
    starts = flow_run.get_run_count() or 0
    if starts < 2 or flow_run.get_parent_flow_run_id():
        return
    with get_client(sync_client=True) as client:
        _end_what_is_left(client, str(flow_run.get_id()))
    if starts > MOST_STARTS:
        raise StageError(f"this run was started {starts} times and crashed each time; the worker's log may say why")


def _end_what_is_left(client: SyncPrefectClient, run: str) -> None:
    crashed: State[Any] = Crashed(message="Its process was killed; the run was started again.")
    running = TaskRunFilter(
        flow_run_id=TaskRunFilterFlowRunId(any_=[run]),
        state=TaskRunFilterState(type=TaskRunFilterStateType(any_=LEFT)),
    )
    called = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]))
    for flow in client.read_flow_runs(flow_run_filter=called):
        _end_what_is_left(client, str(flow.id))
        if flow.state_type in LEFT:
            client.set_flow_run_state(flow.id, crashed, force=True)
    for task in client.read_task_runs(task_run_filter=running):
        client.set_task_run_state(task.id, crashed, force=True)
