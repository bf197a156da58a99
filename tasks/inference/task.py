"""The door of the inference room."""

from __future__ import annotations

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from tasks.common.store import StageOutput
from tasks.common.task import log_output, task_progress, was_killed
from tasks.inference.api import predict_by_api
from tasks.inference.ask import ask, how_to_serve
from tasks.inference.config import ApiConfig, InferenceConfig
from tasks.inference.parity import check_parity
from tasks.inference.predict import AS_IT_IS, predict
from tasks.inference.systems import check_api
from tasks.llm.task import api_key
from tasks.models.config import ModelConfig
from tasks.prompts.config import AskingConfig
from tasks.prompts.prompt import Prompt


@task(
    name="generate SQL",
    task_run_name="generate SQL ({label})",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_condition_fn=was_killed,
)
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


@task(name="write SQL by API", task_run_name="write SQL by API ({label})", cache_policy=NO_CACHE, persist_result=False)
def write_by_api(
    api: ApiConfig, data: StageOutput, prompt: Prompt, asking: AskingConfig, max_new_tokens: int, store: str, label: str
) -> StageOutput:
    """Have a model behind an API answer the evaluation rows; `label` says which."""
    endpoint = check_api(api, api_key(api))
    progress = task_progress(f"write SQL by API ({label})")
    return log_output(predict_by_api(endpoint, data, prompt, api, asking, max_new_tokens, Path(store), progress))


@task(
    name="check parity",
    task_run_name="check parity",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_condition_fn=was_killed,
)
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


@task(name="ask", task_run_name="ask", cache_policy=NO_CACHE, persist_result=False)
def ask_model(
    model: StageOutput, prompt: Prompt, question: str, context: str, config: InferenceConfig, dtype: str
) -> str:
    """Answer one question on a schema, and say in the log how to serve the model over HTTP."""
    sql = ask(model.path, prompt, question, context, config, dtype)
    told = how_to_serve(model.path, prompt, question, context, config, dtype)
    get_run_logger().info("to serve this model:\n%s", told)
    return sql
