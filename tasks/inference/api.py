"""SQL written by a model behind an OpenAI-compatible API. Every answer is in a journal, so that it is paid once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from tasks.common.errors import StageError
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.inference.config import ApiConfig
from tasks.inference.generated import Generated, write_predictions
from tasks.inference.predict import asked_rows
from tasks.llm.asking import answer_all
from tasks.llm.client import Client, Request
from tasks.llm.endpoint import Endpoint
from tasks.llm.journal import Journal, key_of
from tasks.llm.reply import Reply, reply_to
from tasks.prompts.config import AskingConfig
from tasks.prompts.prompt import Prompt

JOURNAL = Path("inference", "journal.jsonl")
LEAST_TOKENS = 256  # of an answer: such models put words and a fence around it


def predict_by_api(
    endpoint: Endpoint,
    data: StageOutput,
    prompt: Prompt,
    config: ApiConfig,
    asking: AskingConfig,
    max_new_tokens: int,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Have SQL written for the evaluation rows of `data`: the stage `predictions`, as of a model of ours.

    Raises:
        InputError: the key, the model or the address is wrong.
        StageError: the account is empty, or a row got no answer; the answers that came are kept.
    """
    parameters = {"temperature": 0, "max_completion_tokens": max(max_new_tokens, LEAST_TOKENS)}

    def build(folder: Path) -> Counts:
        rows = pd.read_parquet(asked_rows(data, asking, folder))
        requests = [Request(messages, parameters) for messages in prompt.chats(rows)]
        began = time.monotonic()
        written, asked = _written(requests, endpoint, config, store / JOURNAL, progress)
        seconds = time.monotonic() - began
        write_predictions(folder, rows["example_id"], written)
        counts: Counts = {
            "rows": len(written),
            "prompt_tokens": sum(one.prompt_tokens for one in written),
            "completion_tokens": sum(one.completion_tokens for one in written),
            "asked": asked,
            "engine": "API",
            "precision": "the server's",
            "batch": config.in_flight,
        }
        if asked:
            counts["rows_per_s"] = round(asked / seconds, 2)
        if price := config.prices.get(config.model):
            usd = price.usd(int(counts["prompt_tokens"]), int(counts["completion_tokens"]))
            counts["usd"] = round(usd, 6)
        return counts

    return run_stage(
        store,
        "predictions",
        inputs={
            "endpoint": endpoint.identity,
            "parameters": parameters,
            "data": data.sha256,
            "prompt": prompt.hash,
            "asking": asking.model_dump(mode="json"),
        },
        code=["tasks.inference.api", "tasks.inference.answer", "tasks.prompts"],
        build=build,
    )


def _written(
    requests: Sequence[Request], endpoint: Endpoint, config: ApiConfig, journal: Path, progress: Progress
) -> tuple[list[Generated], int]:
    """An answer to each request, in their order; and how many had to be asked for."""
    keys = [key_of(endpoint.identity, request.parameters, request.messages) for request in requests]
    wanted: Mapping[str, Request] = dict(zip(keys, requests, strict=True))
    with Journal(journal, Reply) as book:
        found = {key: reply for key in wanted if (reply := book.find(key))}
        missing = [(key, request) for key, request in wanted.items() if key not in found]
        progress(len(found), len(wanted), "answers")

        def arrived(key: str, reply: Reply) -> None:
            found[key] = reply
            progress(len(found), len(wanted), "answers")

        def ask(client: Client, key: str, request: Request) -> Awaitable[Reply]:
            return reply_to(client, endpoint, key, request)

        if missing:
            answer_all(missing, ask, endpoint, config, book, arrived)
    errors = [reply.error for reply in found.values() if reply.error]
    if errors:
        raise StageError(
            f"{len(errors)} of {len(wanted)} rows got no answer from {endpoint.name}, the first: {errors[0]}; "
            "run again to ask for these alone"
        )
    answers = [
        Generated(index=i, raw=one.text, prompt_tokens=one.prompt_tokens, completion_tokens=one.completion_tokens)
        for i, one in enumerate(found[key] for key in keys)
    ]
    return answers, len(missing)
