"""From rows to a merged model that is proven to answer as its adapter does."""

from __future__ import annotations

from prefect import flow
from pydantic import BaseModel, ConfigDict

from flows.checks import check_before_start
from flows.naming import since
from flows.prepare import DEFAULT, prepare_data
from flows.runner import RUNNER, run
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.data.task import hold_back
from tasks.inference.task import generate_sql, parity
from tasks.models.task import fetch_base, merge_adapter
from tasks.prompts.prompt import Prompt
from tasks.scoring.task import make_databases, score
from tasks.training.choose import candidates
from tasks.training.task import choose_checkpoint, finetune


class Tuned(BaseModel):
    """What fine-tuning made, and from what."""

    model_config = ConfigDict(frozen=True)

    data: StageOutput
    base: StageOutput
    adapter: StageOutput
    merged: StageOutput
    parity: StageOutput


def train(base: StageOutput, data: StageOutput, prompt: Prompt, config: NightlyConfig) -> StageOutput:
    """Train an adapter; with `training.validation_rows`, the checkpoint that answers most rows held back right."""
    training, store, dtype = config.training, config.store, config.model.precision
    if not training.validation_rows:
        return run(finetune, base, data, prompt, training, dtype, store)
    rows = run(hold_back, data, training.validation_rows, training.seed, store)
    adapter = run(finetune, base, rows, prompt, training, dtype, store)
    databases = run(make_databases, rows, config.sql, store)
    tried = []
    for one in candidates(adapter):
        predictions = run(generate_sql, one, rows, prompt, config.inference, dtype, store, one.key, base)
        tried.append((one, run(score, rows, databases, predictions, one.key, config.sql, store)))
    return run(choose_checkpoint, adapter, tried, store)


@flow(name="finetune-model", flow_run_name=since("training"), task_runner=RUNNER)
def finetune_model(config: NightlyConfig = DEFAULT) -> Tuned:
    """Fine-tune the base model with QLoRA, merge the adapter and compare the two."""
    prompt = check_before_start(config)
    data = prepare_data(config)
    base = run(fetch_base, config.model, config.store)
    return merge_and_compare(base, train(base, data, prompt, config), data, prompt, config)


def merge_and_compare(
    base: StageOutput, adapter: StageOutput, data: StageOutput, prompt: Prompt, config: NightlyConfig
) -> Tuned:
    """Fold a trained adapter into its base, and stop if the merged model does not answer as the two do."""
    merged = run(merge_adapter, base, adapter, config.model.precision, config.store)
    same = run(parity, base, adapter, merged, data, prompt, config.model, config.inference, config.store)
    return Tuned(data=data, base=base, adapter=adapter, merged=merged, parity=same)
