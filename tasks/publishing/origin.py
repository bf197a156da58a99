"""Where a base model comes from: its id on the Hub and its licence, which the published model takes over."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, metadata_load
from huggingface_hub.errors import HfHubHTTPError
from pydantic import BaseModel, ConfigDict

from tasks.common.errors import InputError
from tasks.models.base import PACKAGE, packaged_weights
from tasks.publishing.config import PublishConfig

QUANTISED = re.compile(r"\.I?Q\d\w*$", re.I)  # the end of a GGUF file's stem: SmolLM2-135M-Instruct.Q4_1


class Origin(BaseModel):
    """The base model's Hub id, its licence (an identifier of the Hub, e.g. 'apache-2.0') and how it was read.

    `decoded_from` names the GGUF file when the base was decoded from quantised weights, which are not quite the
    ones of the Hub.
    """

    model_config = ConfigDict(frozen=True)

    base_model: str
    license: str
    decoded_from: str | None = None


def origin(base: str, folder: Path, config: PublishConfig) -> Origin:
    """Find out where `base` comes from; what `config` says goes first.

    Args:
        base: `model.base`: 'package:NAME', a folder or a Hub id.
        folder: where the base model lies.
        config: may name the base model and its licence.

    Raises:
        InputError: nobody says it; the message names the key to fill in.
    """
    name, licence, file = config.base_model, config.license, None
    if base.startswith(PACKAGE):
        weights = packaged_weights(base)
        file = weights.name
        if name is None or licence is None:
            found_name, found_licence = _of_gguf(weights)
            name, licence = name or found_name, licence or found_licence
    elif Path(base).is_dir():
        licence = licence or _of_card(folder)
    else:
        name, licence = name or base, licence or _of_card(folder) or _of_hub(base)
    for key, value in (("base_model", name), ("license", licence)):
        if not value:
            raise InputError(f"publish.{key}: the base model '{base}' does not say it, so it has to stand here")
    return Origin(base_model=str(name), license=str(licence).lower(), decoded_from=file)


def _of_gguf(weights: Path) -> tuple[str | None, str | None]:
    from gguf import GGUFReader

    fields = GGUFReader(weights).fields
    said = {
        key: str(fields[f"general.{key}"].contents())
        for key in ("organization", "license")
        if f"general.{key}" in fields
    }
    owner = said.get("organization")
    return (f"{owner}/{QUANTISED.sub('', weights.stem)}" if owner else None), said.get("license")


def _of_card(folder: Path) -> str | None:
    card = folder / "README.md"
    licence = (metadata_load(card) or {}).get("license") if card.is_file() else None
    return str(licence) if licence else None


def _of_hub(base: str) -> str | None:
    try:
        card = HfApi().model_info(base, timeout=30).card_data
    except (httpx2.TransportError, HfHubHTTPError, OSError):
        return None
    return str(card.license) if card and card.license else None
