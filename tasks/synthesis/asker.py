"""Requests answered within a budget of tokens, each at most once in its life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from tasks.common.errors import StageError
from tasks.llm.asking import answer_all
from tasks.llm.client import Client, Request
from tasks.llm.endpoint import Endpoint
from tasks.llm.journal import Journal, key_of
from tasks.llm.reply import Reply, reply_to
from tasks.synthesis.config import BudgetedConfig

Name = TypeVar("Name")


def request_key(identity: str, request: Request) -> str:
    """The name an answer is filed under: hash of who is asked (`Endpoint.identity`), how and what."""
    return key_of(identity, request.parameters, request.response_format, request.messages)


class Asker:
    """One endpoint, one journal and what the work at hand has spent, answers of earlier runs included.

    Attributes:
        prompt_tokens: of all answers used.
        completion_tokens: of all answers used.
        asked: requests that this run sent.
        from_journal: answers that were there already.
        unanswered: why, by the key of the request.
        stopped: why no more is asked; empty while it is.
    """

    def __init__(self, endpoint: Endpoint, config: BudgetedConfig, journal: Path) -> None:
        self.prompt_tokens = self.completion_tokens = self.asked = self.from_journal = 0
        self.unanswered: dict[str, str] = {}
        self.stopped = ""
        self._endpoint, self._config = endpoint, config
        self._book = Journal(journal, Reply)
        self._reserved: dict[str, int] = {}

    @property
    def usd(self) -> float:
        """Price of the tokens; 0 for a model without one."""
        price = self._config.prices.get(self._config.model)
        return price.usd(self.prompt_tokens, self.completion_tokens) if price else 0.0

    def ask(self, requests: Mapping[Name, Request], arrived: Callable[[], None] = lambda: None) -> dict[Name, str]:
        """What the model wrote to each request; those that got no answer are missing.

        An empty account or a spent budget ends the asking for good: `stopped` says which.

        Args:
            requests: by any name; equal ones are asked once.
            arrived: called after each new answer.

        Raises:
            InputError: the key, the model or the address is wrong.
        """
        keys = {name: request_key(self._endpoint.identity, request) for name, request in requests.items()}
        replies: dict[str, Reply] = {}
        missing: dict[str, Request] = {}
        for name, key in keys.items():
            if key in replies or key in missing:
                continue
            reply = self._book.find(key)
            if reply is None:
                missing[key] = requests[name]
            else:
                replies[key] = reply
                self._count(reply)
                self.from_journal += 1

        def filed(key: str, reply: Reply) -> None:
            self._reserved.pop(key)
            replies[key] = reply
            self._count(reply)
            self.asked += 1
            arrived()

        def ask(client: Client, key: str, request: Request) -> Awaitable[Reply]:
            return reply_to(client, self._endpoint, key, request)

        if missing and not self.stopped:
            affordable = self._affordable(missing)
            try:
                answer_all(affordable, ask, self._endpoint, self._config, self._book, filed)
            except StageError as error:
                self.stopped = self.unanswered["account"] = str(error)
        return {name: replies[key].text for name, key in keys.items() if key in replies and replies[key].final}

    def _affordable(self, missing: Mapping[str, Request]) -> Iterator[tuple[str, Request]]:
        """Requests, until the next one could pass the budget together with those in flight."""
        for key, request in missing.items():
            committed = self.prompt_tokens + self.completion_tokens + sum(self._reserved.values())
            if committed + request.tokens > self._config.max_tokens:
                self.stopped = f"the budget of {self._config.max_tokens:,} tokens does not suffice for another request"
                return
            self._reserved[key] = request.tokens
            yield key, request

    def _count(self, reply: Reply) -> None:
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        if reply.error:
            self.unanswered[reply.key] = reply.error
