"""The door of the LLM room: where the key lies."""

from __future__ import annotations

import os

from prefect.blocks.system import Secret

from tasks.common.errors import InputError
from tasks.llm.config import LlmConfig


def api_key(config: LlmConfig) -> str | None:
    """The key in the configured Secret block, else the one in the environment, if there is one.

    Raises:
        InputError: no such block.
    """
    if config.secret_block is None:
        return os.environ.get("OPENAI_API_KEY")
    try:
        return str(Secret.load(config.secret_block).get())  # type: ignore[union-attr]
    except ValueError:
        raise InputError(f"{config.section}.secret_block: no Secret block '{config.secret_block}'") from None
