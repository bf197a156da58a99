"""The door of the inference room."""

from __future__ import annotations

from pathlib import Path

from prefect.logging import get_run_logger

from tasks.common.store import StageOutput
from tasks.common.task import log_output, named_task, task_progress
from tasks.inference.api import predict_by_api
from tasks.inference.ask import ask, how_to_serve
from tasks.inference.config import ApiConfig, InferenceConfig
from tasks.inference.parity import check_parity
from tasks.inference.predict import AS_IT_IS, predict
from tasks.llm.endpoint import needed_endpoint
from tasks.llm.task import api_key
from tasks.models.config import ModelConfig
from tasks.prompts.config import AskingConfig
from tasks.prompts.prompt import Prompt


@named_task("generate SQL ({label})", again_if_killed=True)
def generate_sql(
    model: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    config: InferenceConfig,
    dtype: str,
    store: str,
    label: str,
    base: StageOutput | None = None,
    quantization: str = "none",
    asking: AskingConfig = AS_IT_IS,
) -> StageOutput:
    """Answer the evaluation rows with one model, or one adapter on its `base`; `label` says which."""
    progress = task_progress(f"generate SQL ({label})")
    return log_output(predict(model, data, prompt, config, dtype, Path(store), progress, base, quantization, asking))


@named_task("write SQL by API ({label})")
def write_by_api(
    api: ApiConfig, data: StageOutput, prompt: Prompt, asking: AskingConfig, max_new_tokens: int, store: str, label: str
) -> StageOutput:
    """Have a model behind an API answer the evaluation rows; `label` says which."""
    endpoint = needed_endpoint(api, api_key(api))
    progress = task_progress(f"write SQL by API ({label})")
    return log_output(predict_by_api(endpoint, data, prompt, api, asking, max_new_tokens, Path(store), progress))


@named_task("check parity", again_if_killed=True)
def parity(
    base: StageOutput,
    adapter: StageOutput,
    merged: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    model: ModelConfig,
    inference: InferenceConfig,
    store: str,
) -> StageOutput:
    """Stop the night if the merged model does not answer as base + adapter."""
    progress = task_progress("check parity")
    return log_output(check_parity(base, adapter, merged, data, prompt, model, inference, Path(store), progress))


@named_task("ask")
def ask_model(
    model: StageOutput, prompt: Prompt, question: str, context: str, config: InferenceConfig, dtype: str
) -> str:
    """Answer one question on a schema, and say in the log how to serve the model over HTTP."""
    sql = ask(model.path, prompt, question, context, config, dtype)
    told = how_to_serve(model.path, prompt, question, context, config, dtype)
    get_run_logger().info("to serve this model:\n%s", told)
    return sql
