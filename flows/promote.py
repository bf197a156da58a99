"""Promotion, publishing and roll-back by hand, with a record of who did it and why."""

from __future__ import annotations

from prefect import flow

from tasks.models.task import bring_back, put_in_use
from tasks.publishing.config import PublishConfig
from tasks.publishing.task import publish_version

NOWHERE = PublishConfig()


@flow(name="promote-model")
def promote_model(version: str, by: str, why: str, publish: PublishConfig = NOWHERE, store: str = ".nightly") -> str:
    """Make a registered version (such as 'v3') the model in use, whatever the gate said.

    With a target in `publish` it is uploaded first; if that fails, it is not promoted.
    """
    if publish.wanted:
        publish_version(version, publish, store, champion=True)
    return put_in_use(version, by, why, store)


@flow(name="publish-model")
def publish_model(version: str, publish: PublishConfig, store: str = ".nightly") -> list[str]:
    """Upload a registered version, in use or not; what is there already is checked and left alone."""
    return publish_version(version, publish, store)


@flow(name="roll-back")
def roll_back(by: str, why: str, store: str = ".nightly") -> str:
    """Bring back the model that was in use before this one; no night promotes the one taken out again."""
    return bring_back(by, why, store)
