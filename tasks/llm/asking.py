"""Many questions to one endpoint, some at a time, each answer filed as soon as it has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from tasks.common.errors import InputError, StageError
from tasks.llm.client import Client
from tasks.llm.config import LlmConfig
from tasks.llm.endpoint import Endpoint
from tasks.llm.journal import AnyEntry, Journal

Question = TypeVar("Question")


def answer_all(
    questions: Iterable[tuple[str, Question]],
    ask: Callable[[Client, str, Question], Awaitable[AnyEntry]],
    endpoint: Endpoint,
    config: LlmConfig,
    book: Journal[AnyEntry],
    arrived: Callable[[str, AnyEntry], None],
) -> None:
    """Ask what the journal does not know yet.

    Args:
        questions: key and question; taken one by one as earlier answers arrive, so a generator may end early.
        ask: asks one question and makes the entry to be filed under its key.
        endpoint: who is asked.
        config: limits, attempts, timeout.
        book: where the entries are filed.
        arrived: hears of each key's entry, from the journal or new.

    Raises:
        InputError: the key, the model or the address is wrong.
        StageError: the account is empty.
    """
    asyncio.run(_answer_all(questions, ask, endpoint, config, book, arrived))


async def _answer_all(
    questions: Iterable[tuple[str, Question]],
    ask: Callable[[Client, str, Question], Awaitable[AnyEntry]],
    endpoint: Endpoint,
    config: LlmConfig,
    book: Journal[AnyEntry],
    arrived: Callable[[str, AnyEntry], None],
) -> None:
    queue = iter(questions)

    async def worker(client: Client) -> None:
        for key, question in queue:
            entry = book.find(key)  # another run may have asked meanwhile
            if entry is None:
                entry = await ask(client, key, question)
                book.add(entry)
            arrived(key, entry)

    try:
        async with Client(endpoint, config) as client, asyncio.TaskGroup() as group:
            for _ in range(1 if endpoint.local else config.in_flight):
                group.create_task(worker(client))
    except* (InputError, StageError) as stopped:
        first = stopped.exceptions[0]
    else:
        return
    raise first from None
