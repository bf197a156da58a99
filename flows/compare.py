"""Any number of systems on the same rows: base and tuned models, adapters, few examples, models behind an API."""

from __future__ import annotations

import os
from pathlib import Path

from prefect import flow

from flows.checks import check_before_start
from flows.naming import since
from flows.prepare import DEFAULT, prepare_data
from flows.runner import RUNNER, run
from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.inference.config import SystemConfig
from tasks.inference.systems import described, prompt_of
from tasks.inference.task import generate_sql, write_by_api
from tasks.llm.endpoint import needed_endpoint
from tasks.models.base import check_base
from tasks.models.find import adapter_in, version_named
from tasks.models.task import fetch_base
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.reporting.task import leaderboard
from tasks.scoring.refs import Entry
from tasks.scoring.task import make_databases, score


def check_before_comparing(config: NightlyConfig) -> Prompt:
    """As before a night; besides, every system's model, adapter, prompt and API have to be there.

    Raises:
        InputError: one line that names the system and says what is wrong.
    """
    prompt = check_before_start(config)
    for system in config.compare.systems:
        try:
            _check(system, config, prompt)
        except InputError as error:
            raise InputError(f"compare.systems: '{system.name}': {error}") from None
    return prompt


def _check(system: SystemConfig, config: NightlyConfig, prompt: Prompt) -> None:
    if system.prompt:
        load_prompt(system.prompt)
    if system.api:
        if system.api.secret_block is None:  # a block is read in the run
            needed_endpoint(system.api, os.environ.get("OPENAI_API_KEY"))
        return
    version = version_named(system.model, Path(config.store))
    if version is None and system.model != "base":
        check_base(config.model.model_copy(update={"base": system.model, "revision": None}))
    tuned = adapter_in(system.adapter) if system.adapter else version.output() if version else None
    if tuned:
        prompt_of(system, tuned, prompt)


@flow(name="compare-models", flow_run_name=since("comparison"), task_runner=RUNNER)
def compare_models(config: NightlyConfig = DEFAULT) -> None:
    """Answer the held-out rows with every system, score the answers, and draw up the leaderboard.

    A system that fails is told there, and the others are ranked without it.
    """
    prompt = check_before_comparing(config)
    data = prepare_data(config)
    base = run(fetch_base, config.model, config.store)
    databases = run(make_databases, data, config.sql, config.store)
    entries: list[Entry] = []
    failed: dict[str, str] = {}
    for system in config.compare.systems:
        try:
            predictions, about = _answered(system, data, base, prompt, config)
            scores = run(score, data, databases, predictions, system.name, config.sql, config.store)
        except StageError as error:
            failed[system.name] = str(error)
        else:
            about |= {name: str(predictions.counts[name]) for name in ("engine", "precision", "batch")}
            entries.append(Entry(name=system.name, about=about, predictions=predictions, scores=scores))
    if entries:
        leaderboard(entries, failed, config.compare.usd_per_hour, config.store)
    if failed:
        told = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise StageError(f"{len(failed)} of {len(config.compare.systems)} systems failed: {told}")


def _answered(
    system: SystemConfig, data: StageOutput, base: StageOutput, prompt: Prompt, config: NightlyConfig
) -> tuple[StageOutput, dict[str, str]]:
    """A system's answers, and what it is."""
    if system.api:
        asked = prompt_of(system, None, prompt)
        predictions = run(
            write_by_api,
            system.api,
            data,
            asked,
            system.asking,
            config.inference.max_new_tokens,
            config.store,
            system.name,
        )
        return predictions, {"model": system.api.model, "prompt": described(asked, system)}
    version = version_named(system.model, Path(config.store))
    if version:
        model, title = version.output(), version.name
    elif system.model == "base":
        model, title = base, config.model.base
    else:
        named = config.model.model_copy(update={"base": system.model, "revision": None})
        model, title = run(fetch_base, named, config.store), system.model
    adapter = adapter_in(system.adapter) if system.adapter else None
    asked = prompt_of(system, adapter or model, prompt)
    predictions = run(
        generate_sql,
        adapter or model,
        data,
        asked,
        config.inference,
        config.model.precision,
        config.store,
        system.name,
        model if adapter else None,
        system.quantization,
        system.asking,
    )
    title = f"{title} with adapter {adapter.key[:8]}" if adapter else title
    return predictions, {"model": title, "prompt": described(asked, system)}
