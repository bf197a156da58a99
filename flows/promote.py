"""Promotion and roll-back by hand, with a record of who did it and why."""

from __future__ import annotations

from prefect import flow

from tasks.models.task import bring_back, put_in_use


@flow(name="promote-model")
def promote_model(version: str, by: str, why: str, store: str = ".nightly") -> str:
    """Make a registered version (such as 'v3') the model in use, whatever the gate said."""
    return put_in_use(version, by, why, store)


@flow(name="roll-back")
def roll_back(by: str, why: str, store: str = ".nightly") -> str:
    """Bring back the model that was in use before this one; no night promotes the one taken out again."""
    return bring_back(by, why, store)
