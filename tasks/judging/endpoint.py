"""Who judges: the configured model, or the local one where there is no key."""

from __future__ import annotations

from typing import Any

from tasks.common.store import StageOutput
from tasks.judging.config import JudgingConfig
from tasks.llm.endpoint import NO_KEY, Endpoint, remote_endpoint


def choose_endpoint(config: JudgingConfig, key: str | None, local_model: StageOutput) -> Endpoint:
    """The configured model where there is a key or an address, else the local model.

    Args:
        config: model and address.
        key: the API key, if there is one.
        local_model: folder of the model that judges otherwise.

    Raises:
        InputError: the key or the address cannot be used (see `remote_endpoint`).
    """
    return remote_endpoint(config, key) or Endpoint(
        name=f"local model {local_model.sha256[:8]}",
        model=local_model.path,
        base_url="",
        key=NO_KEY,
        identity=f"local {local_model.sha256}",
        local=True,
    )


def parameters(endpoint: Endpoint, vote: int = 0) -> dict[str, Any]:
    """Sampling parameters sent with each question; part of what a verdict is filed under.

    Args:
        endpoint: who is asked.
        vote: 0 for the first verdict on a row; later ones are sampled, each with a seed of its own.
    """
    sampling = {"temperature": 1, "seed": vote} if vote else {"temperature": 0}
    return {**sampling, "max_completion_tokens": 64 if endpoint.local else 200}
