"""The door of the models room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.common.task import log_output, task_progress
from tasks.models import registry
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.models.merge import merged_model
from tasks.models.registry import Lineage, Model, Version
from tasks.models.trials import trial
from tasks.prompts.prompt import Prompt


class Contenders(NamedTuple):
    """Who is compared tonight; `trial`: the how-manieth challenger of this champion it is, from 1."""

    champion: Version
    challenger: Version
    trial: int


@task(name="fetch base model", task_run_name="fetch base model", cache_policy=NO_CACHE, persist_result=False)
def fetch_base(config: ModelConfig, store: str) -> StageOutput:
    """The base model's folder: converted, found or downloaded."""
    return log_output(base_model(config, Path(store)))


@task(name="merge adapter", task_run_name="merge adapter", cache_policy=NO_CACHE, persist_result=False)
def merge_adapter(base: StageOutput, adapter: StageOutput, dtype: str, store: str) -> StageOutput:
    """Fold the adapter into the base it was trained on."""
    return log_output(merged_model(base, adapter, dtype, Path(store), task_progress("merge adapter")))


@task(name="model in use", task_run_name="model in use", cache_policy=NO_CACHE, persist_result=False)
def model_in_use(base: StageOutput, prompt: Prompt, store: str) -> Version:
    """The champion; before the first promotion it is the base model."""
    champion = _champion(base, prompt, Path(store))
    get_run_logger().info("in use: %s", champion.name)
    return champion


@task(name="contenders", task_run_name="contenders", cache_policy=NO_CACHE, persist_result=False)
def contenders(
    base: StageOutput, merged: StageOutput, adapter: StageOutput, data: StageOutput, prompt: Prompt, store: str
) -> Contenders:
    """The model in use and tonight's, registered.

    A night that made the very model already in use is compared with what that model replaced: the same
    night again comes to the same decision.
    """
    folder = Path(store)
    champion = _champion(base, prompt, folder)
    lineage = Lineage(base=str(base.counts["base"]), data=data.sha256, adapter=adapter.key)
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
    if challenger.version == champion.version and challenger.replaces:
        champion = registry.get(folder, challenger.replaces)
    number = trial(folder, champion.version, challenger.version, data.sha256)
    get_run_logger().info(
        "in use: %s · tonight's: %s, number %d tried against it", champion.name, challenger.name, number
    )
    return Contenders(champion, challenger, number)


@task(name="promote or hold", task_run_name="promote or hold", cache_policy=NO_CACHE, persist_result=False)
def promote(challenger: Version, decision: StageOutput, by: str, store: str) -> str:
    """Do what the gate decided; returns in words what is in use now."""
    folder = Path(store)
    decided = json.loads(decision.file("decision.json").read_text("utf-8"))
    now = registry.champion(folder)
    if now and now.version == challenger.version:
        outcome = f"{challenger.name} is in use already."
    elif decided["decision"] != "promote":
        outcome = f"{now.name if now else 'Nothing'} stays in use."
    elif challenger.status == "rolled back":
        last = challenger.changes[-1]
        outcome = f"{challenger.name} was rolled back by {last.by} ({last.why}), so it is not promoted again."
    else:
        registry.promote(folder, challenger.version, decided, by, " ".join(decided["reasons"]))
        outcome = f"{challenger.name} is in use now; roll-back brings back {now.name if now else 'nothing'}."
    get_run_logger().info(outcome)
    return outcome


@task(name="put in use", task_run_name="put in use", cache_policy=NO_CACHE, persist_result=False)
def put_in_use(version: str, by: str, why: str, store: str) -> str:
    """Promote a version by hand."""
    promoted = registry.promote(Path(store), version, {}, by, why, even_if_rolled_back=True)
    outcome = f"{promoted.name} is in use, put there by {by}: {why}"
    get_run_logger().info(outcome)
    return outcome


@task(name="bring back", task_run_name="bring back", cache_policy=NO_CACHE, persist_result=False)
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
            lineage=Lineage(base=str(base.counts["base"])),
        )
        first = registry.register(store, model)
        champion = registry.promote(store, first.version, {}, "the first night", "nothing was in use before")
    if not (Path(champion.path) / "config.json").is_file():
        raise InputError(f"registry: the files of the model in use ({champion.name}) are gone: {champion.path}")
    return champion
