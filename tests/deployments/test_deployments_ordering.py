"""How events wait for each other on a server that was started again, and on a database that is locked."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prefect.server.events.ordering import EventArrivedEarly, get_triggers_causal_ordering
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.settings import PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, temporary_settings
from prefect.types._datetime import now
from sqlalchemy.exc import OperationalError

from deployments import ordering


def made(at: float, follows: UUID | None = None) -> ReceivedEvent:
    """An event whose id tells the seconds `at`, as Prefect's do."""
    number = (int(at * 1000) << 80) | (7 << 76) | (2 << 62) | (1 if follows else 0)
    return ReceivedEvent(
        id=UUID(int=number),
        event="prefect.flow-run.Crashed",
        resource={"prefect.resource.id": "prefect.flow-run.a"},
        occurred=datetime.now(UTC),
        received=now("UTC"),
        follows=follows,
    )


async def evaluate(event: ReceivedEvent, error: Exception | None = None) -> bool:
    async def again(event: ReceivedEvent, depth: int = 0) -> None:
        raise AssertionError("nobody follows")

    async with ordering.CausalOrdering("a test").preceding_event_confirmed(again, event):
        if error:
            raise error
    return True


def test_prefect_takes_it() -> None:
    with temporary_settings({PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: "deployments.ordering"}):
        assert type(get_triggers_causal_ordering()) is ordering.CausalOrdering


def test_nobody_waits_for_what_the_server_before_has_seen() -> None:
    before, later = ordering.STARTED_MS / 1000 - 60, time.time() + 1
    assert asyncio.run(evaluate(made(later, follows=made(before).id)))
    with pytest.raises(EventArrivedEarly):
        asyncio.run(evaluate(made(later + 1, follows=made(later + 0.5).id)))


def test_a_locked_database_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "LOCKED_S", (0.2, 0.2))
    began, locked = time.monotonic(), OperationalError("INSERT", {}, Exception("database is locked"))
    with pytest.raises(OperationalError):
        asyncio.run(evaluate(made(time.time() + 5), locked))
    assert time.monotonic() - began >= 0.2
