"""Who is asked, and under which name its verdicts are filed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.judging.config import JudgingConfig

OPENAI = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
_SHORTEST_KEY = 8  # shorter ones are placeholders such as "none", and hiding them would spoil the text


@dataclass(frozen=True)
class Endpoint:
    """Who is asked.

    Attributes:
        name: how reports call the judge.
        model: name sent with each request.
        base_url: where the API lies, ending before `/chat/completions`; empty until a local server runs.
        key: the API key; kept out of `repr`.
        identity: what a verdict is filed under: the model and where it runs, or the content of a local one.
        local: a server of ours on this machine, which answers one question at a time and has no limits.
    """

    name: str
    model: str
    base_url: str
    key: str = field(repr=False)
    identity: str
    local: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Sampling parameters sent with each request; part of what a verdict is filed under."""
        return {"temperature": 0, "max_completion_tokens": 64 if self.local else 200}

    @property
    def concurrency(self) -> int:
        """Questions in flight at once."""
        return 1 if self.local else 16

    def hide(self, text: str) -> str:
        """`text` on one line and without the key."""
        line = " ".join(text.split())
        return line.replace(self.key, "[key]") if len(self.key) >= _SHORTEST_KEY else line


def choose_endpoint(config: JudgingConfig, key: str | None, local_model: StageOutput) -> Endpoint:
    """The configured model where there is a key or an address, else the local model.

    Args:
        config: model and address. An address without a key means a server that needs none (vLLM, say).
        key: the API key, if there is one.
        local_model: folder of the model that judges otherwise.

    Raises:
        InputError: the key or the address cannot be used; the message does not show the key.
    """
    key = (key or "").strip()
    base_url = config.base_url or os.environ.get("OPENAI_BASE_URL", "")
    if not key and not base_url:
        return Endpoint(
            name=f"local model {local_model.sha256[:8]}",
            model=local_model.path,
            base_url="",
            key=NO_KEY,
            identity=f"local {local_model.sha256}",
            local=True,
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError("OPENAI_API_KEY or judging.secret_block: the key holds spaces or signs no key has")
    base_url = (base_url or OPENAI).rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise InputError(f"judging.base_url: expected an http:// or https:// address, found '{base_url}'")
    return Endpoint(config.model, config.model, base_url, key or NO_KEY, f"{config.model} at {base_url}")
