"""The door of publishing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from prefect.blocks.system import Secret
from prefect.logging import get_run_logger

from tasks.common.errors import InputError
from tasks.common.task import log_output, named_task, task_progress
from tasks.models import registry
from tasks.models.records import Version
from tasks.publishing import upload
from tasks.publishing.compose import compose, read_publication, recall, remember
from tasks.publishing.config import HUB, PublishConfig
from tasks.reporting.night import NightRefs


@named_task("publish {challenger.version}")
def publish_if_better(challenger: Version, refs: NightRefs, config: PublishConfig, store: str) -> list[str]:
    """Publish tonight's model if the gate wants it promoted; returns where it lies.

    Comes before the promotion: when it fails, there is none.
    """
    remember(Path(store), challenger, refs)
    assert refs.decision is not None
    decided = json.loads(refs.decision.file("decision.json").read_text("utf-8"))
    if not config.wanted or decided["decision"] != "promote" or challenger.status == "rolled back":
        return []
    return _publish(challenger, refs, config, Path(store), champion=True)


@named_task("publish {version}")
def publish_version(version: str, config: PublishConfig, store: str, champion: bool = False) -> list[str]:
    """Publish a version of the registry, which may be about to become the `champion`; returns where it lies.

    Raises:
        InputError: no such version, no night has measured it, or `config` names no target.
    """
    if not config.wanted:
        raise InputError("publish.target: 'none' is no place to publish to")
    folder = Path(store)
    champion = champion or registry.read_aliases(folder).champion == version
    return _publish(registry.get(folder, version), recall(folder, version), config, folder, champion)


def _publish(version: Version, refs: NightRefs, config: PublishConfig, store: Path, champion: bool) -> list[str]:
    logger = get_run_logger()
    output = log_output(compose(version, refs, config, store))
    places = upload.publish(
        read_publication(output), config, _token(config), store, logger.warning, task_progress("publish"), champion
    )
    logger.info("%s is published and checked: %s", version.name, ", ".join(places))
    return places


def _token(config: PublishConfig) -> str | None:
    """The Hub's token; it is read here and handed to the upload, and stands in no parameter, log or file."""
    if config.target != HUB:
        return None
    if config.secret_block is None:
        return os.environ.get("HF_TOKEN")
    try:
        return str(Secret.load(config.secret_block).get())  # type: ignore[union-attr]
    except ValueError:
        raise InputError(f"publish.secret_block: no Secret block '{config.secret_block}'") from None
