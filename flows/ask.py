"""Ask the model in use."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from flows.checks import check_before_start
from flows.prepare import DEFAULT
from tasks.config import NightlyConfig
from tasks.inference.ask import check_question
from tasks.inference.task import ask_model
from tasks.models.task import fetch_base, model_in_use
from tasks.prompts.prompt import Prompt


@flow(name="ask")
def ask(question: str, context: str, config: NightlyConfig = DEFAULT) -> str:
    """The SQL that the model in use writes for a question on a schema (DDL)."""
    check_question(question, context)
    prompt = check_before_start(config)
    champion = model_in_use(fetch_base(config.model, config.store), prompt, config.store)
    own = Prompt.of_model(Path(champion.path)) or prompt
    return ask_model(champion.output(), own, question, context, config.inference, config.model.precision)
