"""Questions sent as one batch: half the price, an answer within a day.

A batch is never submitted twice: its metadata holds the name of the work, and before one is submitted the
account's batches are looked through for that name, so that a run killed at any moment finds its batch again.
Results are joined by the key of the question (`custom_id`). What expired or failed is left to be asked live.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import openai
from openai.types import Batch
from pydantic import ValidationError

from tasks.common.errors import InputError, StageError
from tasks.llm.api import Api, Completion
from tasks.llm.config import LlmConfig
from tasks.llm.endpoint import Endpoint

MARK = "text2sql_work"
LOOKED_THROUGH = 100  # the account's last batches
ENDED = {"completed", "failed", "expired", "cancelled"}
TRIES = 8
PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"


def answer_batch(
    work: str,
    bodies: Mapping[str, Mapping[str, Any]],
    endpoint: Endpoint,
    config: LlmConfig,
    arrived: Callable[[str, Completion], None],
    poll_s: float = 30.0,
) -> int:
    """Have all `bodies` answered in one batch, or go on with the one that an earlier run submitted for them.

    Args:
        work: names all the questions, also those that are answered by now; at most 512 characters.
        bodies: key -> body of a chat request without its model.
        endpoint: who is asked; it has to offer the Files and Batch endpoints.
        config: timeout.
        arrived: hears of each answer; keys without one are not named.
        poll_s: seconds between two looks.

    Returns:
        How many were answered.

    Raises:
        InputError: the key, the model or the address is wrong, or the server has no batches.
        StageError: the server refuses the batch, or cannot be reached.
    """
    return asyncio.run(_answer_batch(work, bodies, endpoint, config, arrived, poll_s))


async def _answer_batch(
    work: str,
    bodies: Mapping[str, Mapping[str, Any]],
    endpoint: Endpoint,
    config: LlmConfig,
    arrived: Callable[[str, Completion], None],
    poll_s: float,
) -> int:
    lines = [
        {
            "custom_id": key,
            "method": "POST",
            "url": PATH,
            "body": {"model": endpoint.model, **bodies[key]},
        }
        for key in sorted(bodies)
    ]
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    # Submitting is not tried twice: the first may have arrived. The next run will see.
    api, once = Api(endpoint, config.timeout_s, TRIES), Api(endpoint, config.timeout_s)
    try:
        batch = await _find(api, work)
        if batch is None:
            file = await api.files.create(file=("questions.jsonl", content), purpose="batch")
            batch = await once.batches.create(
                input_file_id=file.id, endpoint=PATH, completion_window="24h", metadata={MARK: work}
            )
        while batch.status not in ENDED:
            await asyncio.sleep(poll_s)
            batch = await api.batches.retrieve(batch.id)
        if batch.status == "failed":
            problems = "; ".join(str(error.message) for error in (batch.errors and batch.errors.data) or [])
            raise StageError(f"batch {batch.id} was refused: {endpoint.hide(problems)}")
        if batch.output_file_id is None:
            return 0
        output = (await api.files.content(batch.output_file_id)).content
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
        raise InputError(
            f"{config.section}: {endpoint.base_url} refused the batch: {endpoint.hide(error.message)}"
        ) from None
    except openai.APIError as error:
        raise StageError(f"batch at {endpoint.base_url}: {endpoint.hide(error.message)}") from None
    finally:
        await api.close()
        await once.close()
    return sum(_take(line, bodies, arrived) for line in output.splitlines())


async def _find(api: openai.AsyncOpenAI, work: str) -> Batch | None:
    """The batch that an earlier run submitted for this work, unless it came to nothing."""
    looked = 0
    async for batch in api.batches.list(limit=LOOKED_THROUGH):
        if (batch.metadata or {}).get(MARK) == work and batch.status not in ("failed", "cancelled"):
            return batch
        looked += 1
        if looked == LOOKED_THROUGH:
            break
    return None


def _take(line: bytes, bodies: Mapping[str, Any], arrived: Callable[[str, Completion], None]) -> bool:
    """One line of the output file; whether it is an answer to one of our questions."""
    try:
        found = json.loads(line)
        key, response = found["custom_id"], found["response"]
        completion = Completion.model_validate(response["body"])
    except (ValueError, KeyError, TypeError, ValidationError):
        return False
    if key not in bodies or response["status_code"] != 200:
        return False
    arrived(key, completion)
    return True
