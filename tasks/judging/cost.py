"""What judging costs, by the configured price table: told before, counted during, kept within the night's budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.common.errors import InputError
from tasks.judging.config import JudgingConfig
from tasks.llm.client import Request
from tasks.llm.config import Price
from tasks.llm.endpoint import Endpoint

BATCH_SHARE = 0.5  # of the price, in a batch
NIGHT_S = 12 * 3600.0


class Budget:
    """Dollars spent, those set aside for questions under way, and the limit of both together.

    Attributes:
        spent: dollars that this run paid.
        left_out: keys of questions that the limit did not allow.
    """

    def __init__(self, config: JudgingConfig, endpoint: Endpoint, spent_tonight: float) -> None:
        """A budget of which `spent_tonight` dollars are spent already.

        Raises:
            InputError: there is a limit but no price.
        """
        price = Price(prompt=0.0, completion=0.0) if endpoint.local else config.prices.get(config.model)
        if price is None and config.max_usd is not None:
            raise InputError(f"judging.max_usd: judging.prices has no price of '{config.model}'")
        self._price = price
        self._left = None if config.max_usd is None else config.max_usd - spent_tonight
        self._set_aside: dict[str, float] = {}
        self.spent = 0.0
        self.left_out: set[str] = set()

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of so many tokens in dollars; 0 for a model without one."""
        return self._price.usd(prompt_tokens, completion_tokens) if self._price else 0.0

    def estimate(self, request: Request) -> float:
        """The price of a request whose answer is as long as it may be."""
        answer = int(request.parameters["max_completion_tokens"])
        return self.usd(request.tokens - answer, answer)

    def affordable(self, requests: Iterable[tuple[str, Request]]) -> Iterator[tuple[str, Request]]:
        """Key and request, taken as earlier ones are answered, without those that could pass the limit."""
        for key, request in requests:
            self._set_aside.pop(key, None)  # a batch gave it no answer
            cost = self.estimate(request)
            if self._left is not None and self.spent + sum(self._set_aside.values()) + cost > self._left:
                self.left_out.add(key)
                continue
            self._set_aside[key] = cost
            yield key, request

    def paid(self, key: str, usd: float) -> None:
        """A question was answered."""
        self._set_aside.pop(key, None)
        self.spent += usd
