"""One question on a user's schema, answered as the nightly rows are: same prompt, engine, precision, stop rule."""

from __future__ import annotations

import json
import shlex
import tempfile
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError
from tasks.inference.config import InferenceConfig
from tasks.inference.predict import answer
from tasks.prompts.chat import TEMPLATE_ARGUMENTS
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
        InputError: the model was tuned with another prompt, or has no chat template and the prompt asks for one.
        StageError: generation failed or passed its deadline.
    """
    prompt.check_model(Path(model))
    with tempfile.TemporaryDirectory(prefix="t2s-ask-") as folder:
        rows = Path(folder) / "rows.parquet"
        pd.DataFrame({"example_id": ["asked"], "context": [context], "question": [question]}).to_parquet(rows)
        settings = {**config.model_dump(), "batch_size": 1, "dtype": dtype, "quantization": "none"}
        answer(model, rows, prompt, Path(folder), settings, config.deadline_s)
        return str(pd.read_parquet(Path(folder) / "predictions.parquet")["sql"].iloc[0])


def how_to_serve(model: str, prompt: Prompt, question: str, context: str, config: InferenceConfig, dtype: str) -> str:
    """Shell commands that serve the model over HTTP and ask it the same question in the same way.

    The prompt goes to `/v1/completions`, as a chat template would put other words around it; a prompt for a chat goes
    to `/v1/chat/completions`, where the server puts the model's chat template around it. A tuned model ends its
    answer itself, with its end token; whatever a base model writes behind its first statement is to be dropped. No
    stop string is sent: each could stand inside a quoted text, or before the statement.
    """
    text = prompt.render(context, question)
    if prompt.chat:
        endpoint = "/v1/chat/completions"
        asked = {"messages": [{"role": "user", "content": text}], "chat_template_kwargs": TEMPLATE_ARGUMENTS}
    else:
        endpoint, asked = "/v1/completions", {"prompt": text}
    settings = {"max_tokens": config.max_new_tokens, "temperature": 0}
    body = json.dumps({"model": model, **asked, **settings}, ensure_ascii=False)
    folder = shlex.quote(model)
    return "\n".join(
        (
            "# on a GPU (pip install 'text2sql-nightly[vllm]'), or on any machine:",
            f"vllm serve {folder} --dtype {dtype} --host 127.0.0.1 --port 8000 --generation-config vllm",
            f"transformers serve {folder} --dtype {dtype} --host 127.0.0.1 --port 8000",
            "# then:",
            f"curl -s http://127.0.0.1:8000{endpoint} -H 'Content-Type: application/json' \\",
            f"  -d {shlex.quote(body)}",
        )
    )
