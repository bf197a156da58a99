"""What the server does by itself: it finds lost runs and starts them again, ends long nights and tells of trouble."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, CancelFlowRun, ChangeFlowRunState, DoNothing, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.section import Section

SETTINGS = Path(__file__).with_suffix(".yaml")
ENDED = frozenset(f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "Cancelled"))
PENDING, RUNNING, LATE, CRASHED = (f"prefect.flow-run.{state}" for state in ("Pending", "Running", "Late", "Crashed"))
HEARTBEAT = "prefect.flow-run.heartbeat"
# A worker tells a crash twice, some seconds apart: before and after the flow's hooks for it. Started again in between,
# the run would be crashed by the second word, started once more, and run in two processes.
AGAIN_AFTER_S = 30.0


class Watch(Section):
    """How patient the server is, and whom it tells; `automations.yaml` holds the values."""

    heartbeat_lost_s: float = Field(ge=60, description="Seconds without a sign of life after which a run is lost.")
    longest_night_s: float = Field(gt=0, description="Seconds after which a night is cancelled.")
    nights_apart_s: float = Field(gt=0, description="Seconds in which at least one night has to start.")
    notify: str | None = Field(description="Notification block, 'TYPE/NAME'; null: the event feed only.")


def automations(watch: Watch, notify: Any = None) -> list[Automation]:
    """All automations of the project.

    Args:
        watch: see `automations.yaml`.
        notify: id of the notification block; None for none.
    """

    def tell(subject: str, body: str) -> list[ActionTypes]:
        if notify is None:
            return []  # that it was triggered is in the event feed
        return [SendNotification(block_document_id=notify, subject=f"text2sql-nightly: {subject}", body=body)]

    run = "{{ flow_run.name }} ({{ flow.name }}): {{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
    model = "{{ event.resource.id }}: {{ event.payload.why or '' }} ({{ event.payload.by }})"
    return [
        _named(
            "a lost run has crashed",
            f"A run that sends no heartbeat for {watch.heartbeat_lost_s:.0f} s was killed with its worker, or its "
            "machine is gone.",
            _missing(watch.heartbeat_lost_s, after={RUNNING, HEARTBEAT}, expect={HEARTBEAT, *ENDED}, each=True),
            [
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    message=f"No heartbeat for {watch.heartbeat_lost_s:.0f} s: its process or machine is gone.",
                )
            ],
        ),
        _named(
            "a crashed run is started again",
            "It goes on from the stages that are finished, and gives up by itself when that does not help.",
            _missing(AGAIN_AFTER_S, after={CRASHED}, expect={PENDING, RUNNING, *ENDED}, each=True, tag="restarts"),
            [ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", force=True)],
        ),
        _named(
            "a long night is cancelled",
            f"A night that takes longer than {_hours(watch.longest_night_s)} is stopped, and what it started with it.",
            _missing(watch.longest_night_s, after={PENDING, RUNNING}, expect=ENDED, each=True, tag="nightly"),
            [CancelFlowRun(), *tell("a night took too long and was cancelled", run)],
        ),
        _named(
            "a night does not start",
            "Its time has come and no worker took it.",
            _seen({LATE}, tag="nightly"),
            tell("a night does not start; is a worker running?", run),
        ),
        _named(
            "no night has started",
            f"Nothing was scheduled, or nothing ran, for {_hours(watch.nights_apart_s)}.",
            _missing(watch.nights_apart_s, after=set(), expect={RUNNING}, tag="nightly"),
            tell("no night has started", "The last one was long ago: look at schedules, worker and work pool."),
        ),
        _named(
            "a run failed",
            "Failed or crashed; a crashed one is started again.",
            _seen({CRASHED, "prefect.flow-run.Failed"}, tag="text2sql", once_in_s=60),
            tell("{{ flow.name }} ended as {{ flow_run.state.name }}", run),
        ),
        _named(
            "a model was held",
            "The new model was not shown to be better; the one in use stays.",
            _event("text2sql.model.held"),
            tell("the model in use stays", model),
        ),
        _named(
            "a model was promoted",
            "Another model is in use now.",
            _event("text2sql.model.promoted"),
            tell("another model is in use", model),
        ),
    ]


def apply_automations(client: SyncPrefectClient, watch: Watch) -> list[str]:
    """Make the automations, or bring those that are there in line; returns their names.

    One that somebody switched off stays off.

    Raises:
        InputError: there is no such notification block.
    """
    notify = _block_id(client, watch.notify) if watch.notify else None
    wanted = automations(watch, notify)
    for one in wanted:
        known = client.read_automations_by_name(one.name)
        if known:
            one.id, one.enabled = known[0].id, known[0].enabled
            one.update()
        else:
            one.create()
    return [one.name for one in wanted]


def _block_id(client: SyncPrefectClient, slug: str) -> Any:
    kind, _, name = slug.partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise InputError(
            f"automations.notify: there is no block '{slug}'; `prefect block ls` lists them as TYPE/NAME"
        ) from None


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} hours"


def _named(name: str, description: str, trigger: EventTrigger, actions: list[ActionTypes]) -> Automation:
    return Automation(
        name=f"text2sql: {name}", description=description, trigger=trigger, actions=actions or [DoNothing()]
    )


def _tagged(tag: str | None) -> dict[str, Any]:
    """Runs of deployments with a tag; flows called by flows carry none."""
    if tag is None:
        return {}
    return {"match_related": {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}}


def _seen(expect: set[str], tag: str, once_in_s: float = 0) -> EventTrigger:
    """At once; then, for a run, not again for some seconds."""
    return EventTrigger(
        posture=Posture.Reactive,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        expect=expect,
        threshold=1,
        within=timedelta(seconds=once_in_s),
        **_tagged(tag),
    )


def _missing(
    within_s: float, *, after: set[str], expect: set[str] | frozenset[str], each: bool = False, tag: str | None = None
) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Proactive,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"} if each else set(),
        after=after,
        expect=set(expect),
        threshold=1,
        within=timedelta(seconds=within_s),
        **_tagged(tag),
    )


def _event(name: str) -> EventTrigger:
    return EventTrigger(posture=Posture.Reactive, expect={name}, threshold=1, within=timedelta(0))
