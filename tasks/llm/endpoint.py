"""Who is asked, and under which name the answers are filed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from tasks.common.errors import InputError
from tasks.llm.config import LlmConfig

OPENAI = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
_SHORTEST_KEY = 8  # shorter ones are placeholders such as "none", and hiding them would spoil the text


@dataclass(frozen=True)
class Endpoint:
    """Who is asked.

    Attributes:
        name: how reports call the model.
        model: name sent with each request.
        base_url: where the API lies, ending before `/chat/completions`; empty until a local server runs.
        key: the API key; kept out of `repr`.
        identity: what an answer is filed under: the model and where it runs, or the content of a local one.
        local: a server of ours on this machine, which answers one request at a time and has no limits.
    """

    name: str
    model: str
    base_url: str
    key: str = field(repr=False)
    identity: str
    local: bool = False

    def hide(self, text: str) -> str:
        """`text` on one line and without the key."""
        line = " ".join(text.split())
        return line.replace(self.key, "[key]") if len(self.key) >= _SHORTEST_KEY else line


def remote_endpoint(config: LlmConfig, key: str | None) -> Endpoint | None:
    """The configured model at its address; None where there is neither a key nor an address.

    Args:
        config: model and address. An address without a key means a server that needs none (vLLM, say).
        key: the API key, if there is one.

    Raises:
        InputError: the key or the address cannot be used; the message does not show the key.
    """
    key = (key or "").strip()
    base_url = config.base_url or os.environ.get("OPENAI_BASE_URL", "")
    if not key and not base_url:
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError(f"OPENAI_API_KEY or {config.section}.secret_block: the key holds spaces or signs no key has")
    base_url = (base_url or OPENAI).rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise InputError(f"{config.section}.base_url: expected an http:// or https:// address, found '{base_url}'")
    return Endpoint(config.model, config.model, base_url, key or NO_KEY, f"{config.model} at {base_url}")


def needed_endpoint(config: LlmConfig, key: str | None) -> Endpoint:
    """The configured model at its address, where no local one will do.

    Raises:
        InputError: there is neither a key nor an address, or one of them cannot be used.
    """
    endpoint = remote_endpoint(config, key)
    if endpoint is None:
        raise InputError(
            f"OPENAI_API_KEY, {config.section}.secret_block or {config.section}.base_url: one is needed to ask "
            f"'{config.model}'"
        )
    return endpoint
