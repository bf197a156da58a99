"""Systems that are compared: with which prompt each is asked, and how that is told."""

from __future__ import annotations

from pathlib import Path

from tasks.common.store import StageOutput
from tasks.inference.config import SystemConfig
from tasks.prompts.prompt import Prompt, load_prompt


def prompt_of(system: SystemConfig, tuned: StageOutput | None, night: Prompt) -> Prompt:
    """The prompt of a system: its own, else the one that its model was tuned with, else the night's.

    Raises:
        InputError: no such template, or the model was tuned with another prompt.
    """
    own = Prompt.of_model(Path(tuned.path)) if tuned else None
    asked = load_prompt(system.prompt) if system.prompt else own or night
    if tuned:
        asked.check_model(Path(tuned.path))
    return asked


def described(prompt: Prompt, system: SystemConfig) -> str:
    """How a system is asked, in a few words."""
    words = [prompt.name]
    if prompt.chat or system.api:
        words.append("chat")
    if system.examples:
        words.append(f"{system.examples} example{'s' if system.examples > 1 else ''}")
    if system.match_columns is not None:
        words.append(f"column names at {system.match_columns:g} %")
    return ", ".join(words)
