"""From rows to a merged model that is proven to answer as its adapter does."""

from __future__ import annotations

from prefect import flow
from pydantic import BaseModel, ConfigDict

from flows.checks import check_before_start
from flows.prepare import DEFAULT, prepare_data
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.inference.task import parity
from tasks.models.task import fetch_base, merge_adapter
from tasks.training.task import finetune


class Tuned(BaseModel):
    """What fine-tuning made, and from what."""

    model_config = ConfigDict(frozen=True)

    data: StageOutput
    base: StageOutput
    adapter: StageOutput
    merged: StageOutput
    parity: StageOutput


@flow(name="finetune-model")
def finetune_model(config: NightlyConfig = DEFAULT) -> Tuned:
    """Fine-tune the base model with QLoRA, merge the adapter and compare the two."""
    prompt = check_before_start(config)
    data = prepare_data(config)
    base = fetch_base(config.model, config.store)
    adapter = finetune(base, data, prompt, config.training, config.model.precision, config.store)
    merged = merge_adapter(base, adapter, config.model.precision, config.store)
    same = parity(base, adapter, merged, data, prompt, config.model, config.inference, config.store)
    return Tuned(data=data, base=base, adapter=adapter, merged=merged, parity=same)
