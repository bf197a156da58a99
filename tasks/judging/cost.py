"""What judging costs, by the configured price table: told before, counted during, kept within the budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tasks.common.errors import InputError
from tasks.judging.config import JudgingConfig, Price
from tasks.llm.client import Request
from tasks.llm.endpoint import Endpoint

BATCH_SHARE = 0.5  # of the price, in a batch

Question = TypeVar("Question")


class Budget:
    """Dollars spent, those set aside for questions under way, and the limit of both together."""

    def __init__(self, config: JudgingConfig, endpoint: Endpoint) -> None:
        price = Price(prompt=0.0, completion=0.0) if endpoint.local else config.prices.get(config.model)
        if price is None and config.max_usd is not None:
            raise InputError(f"judging.max_usd: judging.prices has no price of '{config.model}'")
        self._price = price
        self._limit = config.max_usd
        self._set_aside: dict[str, float] = {}
        self.spent = 0.0

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of so many tokens in dollars; 0 for a model without one."""
        if self._price is None:
            return 0.0
        return (prompt_tokens * self._price.prompt + completion_tokens * self._price.completion) / 1e6

    def estimate(self, request: Request) -> float:
        """The price of a request whose answer is as long as it may be."""
        answer = int(request.parameters["max_completion_tokens"])
        return self.usd(request.tokens - answer, answer)

    def affordable(self, questions: Iterable[tuple[str, Question, Request]]) -> Iterator[tuple[str, Question]]:
        """Questions, taken as earlier ones are answered, until one could pass the limit with those under way."""
        for key, question, request in questions:
            self._set_aside.pop(key, None)  # a batch gave it no answer
            cost = self.estimate(request)
            if self._limit is not None and self.spent + sum(self._set_aside.values()) + cost > self._limit:
                continue
            self._set_aside[key] = cost
            yield key, question

    def paid(self, key: str, prompt_tokens: int, completion_tokens: int, share: float = 1.0) -> None:
        """A question was answered at `share` of the price."""
        self._set_aside.pop(key, None)
        self.spent += share * self.usd(prompt_tokens, completion_tokens)
