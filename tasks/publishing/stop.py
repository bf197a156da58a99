"""How a published model stops: the end-of-sequence token it was trained to write, and greedy decoding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tasks.common.errors import InputError

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "repetition_penalty", "_from_model_config")


def end_of_sequence(folder: Path) -> tuple[str, int]:
    """The token that training put behind every answer, and its number.

    Raises:
        InputError: the tokenizer in `folder` names none.
    """
    return _special(folder, "eos_token")


def generation_config(folder: Path, max_new_tokens: int) -> dict[str, Any]:
    """The generation settings the model in `folder` was measured with: greedy, until its own end of sequence.

    Args:
        folder: a saved model with its tokenizer.
        max_new_tokens: longest answer.
    """
    file = folder / "generation_config.json"
    saved: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    kept = {key: value for key, value in saved.items() if key not in SAMPLING}
    return kept | {
        "eos_token_id": end_of_sequence(folder)[1],
        "pad_token_id": _special(folder, "pad_token")[1],
        "do_sample": False,
        "max_new_tokens": max_new_tokens,
    }


def _special(folder: Path, name: str) -> tuple[str, int]:
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    token = settings.get(name)
    text = token.get("content") if isinstance(token, dict) else token
    number = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id(text) if text else None
    if number is None:
        raise InputError(f"{folder}: the tokenizer has no {name}")
    return str(text), int(number)
