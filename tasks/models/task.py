"""The door of the models room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from prefect.logging import get_run_logger

from tasks.common.store import StageOutput, code_version
from tasks.common.task import announce, log_output, named_task, task_progress
from tasks.models import registry
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.models.merge import merged_model
from tasks.models.records import Lineage, Model, Version
from tasks.models.retention import retire
from tasks.models.trials import trial
from tasks.prompts.prompt import Prompt


class Contenders(NamedTuple):
    """Who is compared tonight; `trial`: the how-manieth challenger of this champion it is, from 1."""

    champion: Version
    challenger: Version
    trial: int


@named_task("fetch base model")
def fetch_base(config: ModelConfig, store: str) -> StageOutput:
    """The base model's folder: converted, found or downloaded."""
    return log_output(base_model(config, Path(store)))


@named_task("merge adapter", again_if_killed=True)
def merge_adapter(base: StageOutput, adapter: StageOutput, dtype: str, store: str) -> StageOutput:
    """Fold the adapter into the base it was trained on."""
    return log_output(merged_model(base, adapter, dtype, Path(store), task_progress("merge adapter")))


@named_task("model in use")
def model_in_use(base: StageOutput, prompt: Prompt, store: str) -> Version:
    """The champion; before the first promotion it is the base model."""
    champion = _champion(base, prompt, Path(store))
    get_run_logger().info("in use: %s", champion.name)
    return champion


@named_task("contenders")
def contenders(
    base: StageOutput,
    merged: StageOutput,
    adapter: StageOutput,
    parity: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: dict[str, Any],
    store: str,
) -> Contenders:
    """The model in use and tonight's, registered; `config` is the night's configuration as plain values.

    A night that made the very model already in use is compared with what that model replaced: the same
    night again comes to the same decision.
    """
    folder = Path(store)
    champion = _champion(base, prompt, folder)
    lineage = _of_base(base).model_copy(
        update={
            "data": data.sha256,
            "adapter": adapter.key,
            "adapter_sha256": adapter.sha256,
            "code": code_version(("tasks",)),
            "config": config,
            "parity": parity.counts,
        }
    )
    challenger = registry.register(
        folder,
        Model(
            label="tuned",
            kind="merged",
            path=merged.path,
            sha256=merged.sha256,
            prompt_sha256=prompt.hash,
            lineage=lineage,
        ),
    )
    registry.challenge(folder, challenger.version)
    if challenger.version == champion.version and challenger.replaces:
        champion = registry.get(folder, challenger.replaces)
    number = trial(folder, champion.version, challenger.version, data.sha256)
    get_run_logger().info(
        "in use: %s · tonight's: %s, number %d tried against it", champion.name, challenger.name, number
    )
    return Contenders(champion, challenger, number)


@named_task("promote or hold")
def promote(
    contenders: Contenders,
    data: StageOutput,
    measured: list[StageOutput],
    decision: StageOutput,
    by: str,
    store: str,
) -> str:
    """Note what was found of the challenger and do what the gate decided; returns in words what is in use now.

    `measured` are the challenger's scores and verdicts on `data`.
    """
    folder, challenger = Path(store), contenders.challenger
    decided = json.loads(decision.file("decision.json").read_text("utf-8"))
    registry.note_evaluation(
        folder, challenger.version, by, contenders.champion.version, data.sha256, decided, measured
    )
    now = registry.champion(folder)
    if now and now.version == challenger.version:
        outcome = f"{challenger.name} is in use already."
    elif decided["decision"] != "promote":
        outcome = f"{now.name if now else 'Nothing'} stays in use."
        announce("model.held", challenger.version, store=store, by=by, why=" ".join(decided["reasons"]))
    elif challenger.status == "rolled back":
        last = challenger.changes[-1]
        outcome = f"{challenger.name} was rolled back by {last.by} ({last.why}), so it is not promoted again."
    else:
        registry.promote(folder, challenger.version, decided, by, " ".join(decided["reasons"]))
        _announce_promotion(challenger.version, store, by)
        outcome = f"{challenger.name} is in use now; roll-back brings back {now.name if now else 'nothing'}."
    get_run_logger().info(outcome)
    return outcome


@named_task("remove old models")
def remove_old(config: ModelConfig, store: str) -> list[str]:
    """Remove the files of versions that are neither new nor in use; returns their names."""
    removed = retire(Path(store), config.keep_versions)
    if removed:
        get_run_logger().info(
            "files removed of %s (model.keep_versions = %d)", ", ".join(removed), config.keep_versions
        )
    return removed


@named_task("put in use")
def put_in_use(version: str, by: str, why: str, store: str) -> str:
    """Promote a version by hand."""
    promoted = registry.promote(Path(store), version, {}, by, why, even_if_rolled_back=True)
    _announce_promotion(promoted.version, store, by)
    outcome = f"{promoted.name} is in use, put there by {by}: {why}"
    get_run_logger().info(outcome)
    return outcome


@named_task("bring back")
def bring_back(by: str, why: str, store: str) -> str:
    """Bring back the champion before this one."""
    champion = registry.roll_back(Path(store), by, why)
    outcome = f"{champion.name} is in use again, brought back by {by}: {why}"
    get_run_logger().info(outcome)
    return outcome


def _champion(base: StageOutput, prompt: Prompt, store: Path) -> Version:
    champion = registry.champion(store)
    if champion is None:
        model = Model(
            label="base",
            kind="base",
            path=base.path,
            sha256=base.sha256,
            prompt_sha256=prompt.hash,
            lineage=_of_base(base),
        )
        first = registry.register(store, model)
        champion = registry.promote(store, first.version, {}, "the first night", "nothing was in use before")
    registry.check_files(champion)
    return champion


def _announce_promotion(version: str, store: str, by: str) -> None:
    announce("model.promoted", version, version=version, store=store, by=by)


def _of_base(base: StageOutput) -> Lineage:
    revision = base.counts.get("revision")
    return Lineage(
        base=str(base.counts["base"]),
        base_sha256=base.sha256,
        base_revision=None if revision is None else str(revision),
    )
