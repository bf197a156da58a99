"""One question on a user's schema, answered as the nightly rows are: same prompt, engine, precision, stop rule."""

from __future__ import annotations

import json
import shlex
import tempfile
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.process import run_module
from tasks.inference.config import InferenceConfig
from tasks.models.base import CHILD_ENV
from tasks.prompts.prompt import Prompt


def check_question(question: str, context: str) -> None:
    """Refuse a question or a schema without words.

    Raises:
        InputError: naming which.
    """
    for name, text, expected in (("question", question, "a question"), ("schema", context, "CREATE TABLE …")):
        if not text.strip():
            raise InputError(f"{name}: empty; expected {expected}")


def ask(model: str, prompt: Prompt, question: str, context: str, config: InferenceConfig, dtype: str) -> str:
    """The SQL that the model in folder `model` writes for `question` on `context` (DDL); empty if it wrote none.

    Raises:
        InputError: the model was tuned with another prompt.
        StageError: generation failed or passed its deadline.
    """
    prompt.check_model(Path(model))
    with tempfile.TemporaryDirectory(prefix="t2s-ask-") as folder:
        rows = Path(folder) / "rows.parquet"
        pd.DataFrame({"example_id": ["asked"], "context": [context], "question": [question]}).to_parquet(rows)
        job = {
            "model": model,
            "rows": str(rows),
            "prompt": prompt.model_dump(),
            "folder": folder,
            "dtype": dtype,
            "batch_size": 1,
            "max_new_tokens": config.max_new_tokens,
        }
        run_module("tasks.inference.child", job, Path(folder), deadline_s=config.deadline_s, env=CHILD_ENV)
        return str(pd.read_parquet(Path(folder) / "predictions.parquet")["sql"].iloc[0])


def how_to_serve(model: str, prompt: Prompt, question: str, context: str, config: InferenceConfig, dtype: str) -> str:
    """Shell commands that serve the model over HTTP and ask it the same question in the same way.

    The prompt goes to `/v1/completions`, as a chat template would put other words around it. A tuned model ends its
    answer itself, with its end token; whatever a base model writes behind its first statement is to be dropped. A
    stop string `;` would also end inside a quoted text, and a code fence can open an answer as well as end it.
    """
    body = json.dumps(
        {
            "model": model,
            "prompt": prompt.render(context, question),
            "max_tokens": config.max_new_tokens,
            "temperature": 0,
            "stop": ["###"],
        },
        ensure_ascii=False,
    )
    folder = shlex.quote(model)
    return "\n".join(
        (
            "# on a GPU (pip install vllm), or on any machine:",
            f"vllm serve {folder} --dtype {dtype} --host 127.0.0.1 --port 8000 --generation-config vllm",
            f"transformers serve {folder} --dtype {dtype} --host 127.0.0.1 --port 8000",
            "# then:",
            "curl -s http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' \\",
            f"  -d {shlex.quote(body)}",
        )
    )
