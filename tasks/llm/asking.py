"""Many questions to one endpoint, some at a time, each answer filed as soon as it has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Generic, TypeVar

from tasks.common.errors import InputError, StageError
from tasks.llm.client import Client
from tasks.llm.config import LlmConfig
from tasks.llm.endpoint import Endpoint
from tasks.llm.gathering import Gathering, beat_for
from tasks.llm.journal import AnyEntry, Journal

CHUNK = 250  # questions

HOPELESS = (InputError, StageError)  # no other try can help

Question = TypeVar("Question")
Run = Callable[[], Coroutine[Any, Any, None]]
RunChunk = Callable[[int, Run], Coroutine[Any, Any, None]]


class NoAnswerError(Exception):
    """Questions of a chunk got no answer; calling its run again asks those alone."""


async def run_once(number: int, run: Run) -> None:
    """Run a chunk; what gets no answer is left to the next night."""
    with suppress(NoAnswerError):
        await run()


def answer_all(
    questions: Iterable[tuple[str, Question]],
    ask: Callable[[Client, str, Question], Awaitable[AnyEntry]],
    endpoint: Endpoint,
    config: LlmConfig,
    book: Journal[AnyEntry],
    arrived: Callable[[str, AnyEntry], None],
    run_chunk: RunChunk = run_once,
) -> None:
    """Ask what the journal does not know yet.

    Args:
        questions: key and question; taken one by one as earlier answers arrive, so a generator may end early.
        ask: asks one question and makes the entry to be filed under its key.
        endpoint: who is asked.
        config: limits, attempts, timeout.
        book: where the entries are filed.
        arrived: hears of each key's entry, from the journal or new.
        run_chunk: gets the number of a chunk of questions and what runs it, to be called once or again. A chunk
            begins as soon as the one before has sent its last question, so the pace is kept.

    Raises:
        InputError: the key, the model or the address is wrong.
        StageError: the account is empty.
    """
    questions = iter(questions)
    if (first := next(questions, None)) is None:
        return
    sockets = Gathering()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(sockets)) as runner:
        runner.run(_answer_all(chain([first], questions), ask, endpoint, config, book, arrived, run_chunk, sockets))


async def _answer_all(
    questions: Iterator[tuple[str, Question]],
    ask: Callable[[Client, str, Question], Awaitable[AnyEntry]],
    endpoint: Endpoint,
    config: LlmConfig,
    book: Journal[AnyEntry],
    arrived: Callable[[str, AnyEntry], None],
    run_chunk: RunChunk,
    sockets: Gathering,
) -> None:
    free = asyncio.Semaphore(1 if endpoint.local else config.in_flight)
    async with Client(endpoint, config) as client:

        async def answer(key: str, question: Question) -> bool:
            entry = book.find(key)  # another run may have asked meanwhile
            if entry is None:
                entry = await ask(client, key, question)
                sockets.beat_s = beat_for(client.queue_s)
                book.add(entry)
            arrived(key, entry)
            return entry.final

        try:
            async with asyncio.TaskGroup() as group:
                number = 0
                while (first := await _draw(questions, free)) is not None:
                    chunk = _Chunk(first, questions, free, answer)
                    group.create_task(run_chunk(number, chunk.run))
                    await chunk.drawn.wait()
                    number += 1
        except* Exception as found:
            told = _to_tell(found)
        else:
            return
    raise told


async def _draw(questions: Iterator[tuple[str, Question]], free: asyncio.Semaphore) -> tuple[str, Question] | None:
    """The next question, when there is room for another request; None after the last one."""
    await free.acquire()
    question = next(questions, None)
    if question is None:
        free.release()
    return question


class _Chunk(Generic[Question]):
    """The first question of a chunk and those after it, drawn as the chunk runs."""

    def __init__(
        self,
        first: tuple[str, Question],
        questions: Iterator[tuple[str, Question]],
        free: asyncio.Semaphore,
        answer: Callable[[str, Question], Awaitable[bool]],
    ) -> None:
        self._first, self._questions, self._free, self._answer = first, questions, free, answer
        self._open: dict[str, Question] = {}
        self.drawn = asyncio.Event()

    async def run(self) -> None:
        """Ask all questions of the chunk; when called again, those that got no answer.

        Raises:
            NoAnswerError: there are such.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await (self._ask_again(group) if self.drawn.is_set() else self._ask_new(group))
        except* Exception as found:
            told = _to_tell(found)
        else:
            if self._open:
                raise NoAnswerError(f"{len(self._open)} questions got no answer")
            return
        if not isinstance(told, HOPELESS):
            self.drawn.set()  # what is not drawn yet goes to the next chunk
        raise told

    async def _ask_new(self, group: asyncio.TaskGroup) -> None:
        question: tuple[str, Question] | None = self._first
        for left in reversed(range(CHUNK)):
            if question is None:
                break
            self._ask(group, *question)
            await asyncio.sleep(0)  # it is on its way before the next one is made
            question = await _draw(self._questions, self._free) if left else None
        self.drawn.set()

    async def _ask_again(self, group: asyncio.TaskGroup) -> None:
        for key, question in list(self._open.items()):
            await self._free.acquire()
            self._ask(group, key, question)

    def _ask(self, group: asyncio.TaskGroup, key: str, question: Question) -> None:
        self._open[key] = question
        asked = group.create_task(self._answered(key, question))
        asked.add_done_callback(lambda _: self._free.release())  # also if it never ran

    async def _answered(self, key: str, question: Question) -> None:
        if await self._answer(key, question):
            del self._open[key]


def _to_tell(found: ExceptionGroup[Exception]) -> Exception:
    """The error to tell, a hopeless one if there is one."""
    return next((one for one in found.exceptions if isinstance(one, HOPELESS)), found.exceptions[0])
