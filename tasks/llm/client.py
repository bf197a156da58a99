"""Asking an OpenAI-compatible endpoint, so that a request ends with an answer or with a clear reason.

The SDK's own retries are off: they retry an empty account, give up on a body that is not JSON, and know
nothing of the other requests in flight. No message that leaves this module holds the key.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, Self

import openai
from pydantic import BaseModel, ValidationError

from tasks.common.errors import InputError, StageError
from tasks.llm.api import Api, Completion, Reply, Usage
from tasks.llm.config import LlmConfig
from tasks.llm.endpoint import Endpoint
from tasks.llm.line import Line
from tasks.llm.pacing import Limiter, Ticket

BACKOFF_S = 0.1  # the first wait is at most this long, since most faults are gone at once,
BACKOFF_GROWTH = 4  # each later one at most so many times the one before,
LONGEST_WAIT_S = 20.0  # and none longer
LONGEST_RETRY_AFTER_S = 120.0
LOCAL_TIMEOUT_S = 300.0  # a local server goes on with a request we gave up, so giving up early costs double

_RETRIED = {408, 409, 429}
_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached"}


Message = dict[str, str]  # role, content


class UnansweredError(Exception):
    """One request got no answer; the message says why and may be shown."""


@dataclass(frozen=True)
class _Failure:
    """Why a try got no answer, and how long the server asks to wait."""

    reason: str
    told_s: float | None = None


@dataclass(frozen=True)
class Request:
    """One chat to be answered.

    Attributes:
        messages: the chat.
        parameters: sampling parameters; `max_completion_tokens` has to be among them, for the limits.
        response_format: a JSON schema as the API takes it, left out where the server refuses it.
    """

    messages: list[Message]
    parameters: Mapping[str, Any]
    response_format: Mapping[str, Any] | None = None

    @cached_property
    def tokens(self) -> int:
        """Tokens of prompt and answer together, estimated."""
        return _estimate(self.messages) + int(self.parameters["max_completion_tokens"])


class Answer(BaseModel):
    """What the model wrote (possibly cut off, possibly a refusal) and what it cost in tokens."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class Client:
    """An open connection to one endpoint, with its limits. Use as `async with`."""

    def __init__(self, endpoint: Endpoint, config: LlmConfig) -> None:
        self._endpoint = endpoint
        self._config = config
        self._timeout_s = LOCAL_TIMEOUT_S if endpoint.local else config.timeout_s
        unlimited = (math.inf, math.inf)
        limits = unlimited if endpoint.local else (config.requests_per_minute, config.tokens_per_minute)
        self._limiter = Limiter(*limits)
        self._line = Line()
        self._structured = True  # until the server refuses `response_format`
        self._empty = False  # the account
        self._under_way = 0  # requests sent and not answered
        self._none_under_way = asyncio.Event()
        self._api = Api(endpoint, self._timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    @property
    def queue_s(self) -> float:
        """Seconds for which requests wait for the limits, at least; meanwhile nothing waits for an answer."""
        return self._limiter.queue_s

    async def ask(self, request: Request) -> Answer:
        """Ask until there is an answer, at most `attempts` times.

        A try that failed while nobody was answered does not count, for as long as `outage_s`.

        Raises:
            UnansweredError: this request got none.
            InputError: no request will: the key, the model or the address is wrong.
            StageError: no request will: the account is empty. Told after all requests under way were answered, as
                they may be paid.
        """
        try:
            return await self._ask(request)
        except (InputError, StageError):
            if self._empty:
                await self._none_under_way.wait()
            raise

    async def _ask(self, request: Request) -> Answer:
        began = time.monotonic()
        tries, counted, failed_at = 0, 0, -math.inf
        while True:
            async with self._line.turn():
                ticket = await self._limiter.wait(request.tokens, again=tries > 0)
                if self._empty:
                    raise StageError(f"the account at {self._endpoint.base_url} is empty")
                outcome = await self._try(request, ticket)
            if isinstance(outcome, Answer):
                return outcome
            tries += 1
            counted += self._line.alive_at > failed_at or counted == 0
            failed_at = ticket.at
            silent_s = time.monotonic() - max(began, self._line.alive_at)
            if counted >= self._config.attempts or silent_s > self._config.outage_s:
                raise UnansweredError(f"no answer in {tries} attempts, at last: {outcome.reason}")
            longest_s = min(LONGEST_WAIT_S, BACKOFF_S * BACKOFF_GROWTH ** min(tries - 1, 10))
            jitter_s = random.uniform(0, longest_s)  # full jitter
            await asyncio.sleep(jitter_s if outcome.told_s is None else outcome.told_s + jitter_s)

    async def _try(self, request: Request, ticket: Ticket) -> Answer | _Failure:
        """One try: an answer, or why another may help."""
        self._under_way += 1
        self._none_under_way.clear()
        try:
            reply = await self._send(request)
            self._limiter.heard(ticket, reply.headers)
            completion = Completion.model_validate_json(reply.content)
        except openai.APIStatusError as error:
            return self._failure(error, ticket)
        except ValidationError:
            self._line.answered(ticket.at)
            return _Failure("the answer was not a chat completion in JSON")
        except (TimeoutError, openai.APIConnectionError) as error:
            self._line.failed()
            return _Failure(self._endpoint.hide(_silence(error, self._timeout_s)))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none_under_way.set()
        self._line.answered(ticket.at)
        usage = completion.usage or Usage()
        return Answer.model_construct(
            text=completion.text, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
        )

    async def _send(self, request: Request) -> Reply:
        """One request; a second without `response_format` where the server refuses the first for it."""
        body = {"model": self._endpoint.model, "messages": request.messages, **request.parameters}
        if self._structured and request.response_format:
            try:
                return await self._api.complete({**body, "response_format": request.response_format})
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                reply = await self._api.complete(body)
                self._structured = False
                return reply
        return await self._api.complete(body)

    def _failure(self, error: openai.APIStatusError, ticket: Ticket) -> _Failure:
        """Why a request was refused, or an exception where asking again cannot help."""
        status, headers = error.status_code, error.response.headers
        reason = f"HTTP {status} {self._endpoint.hide(error.message)}"
        if {error.code, error.type} & _NO_CREDIT:
            self._empty = True
            raise StageError(f"the account at {self._endpoint.base_url} is empty: {reason}") from None
        if status in (401, 403, 404):
            self._refuse(status, reason)
        if status not in _RETRIED and status < 500:
            raise UnansweredError(reason) from None
        told_s = _retry_after_s(headers, time.time())
        if told_s is not None and told_s > LONGEST_RETRY_AFTER_S:
            raise UnansweredError(f"{reason}; the server asks to wait {told_s:.0f} s") from None
        if status >= 500:
            self._line.failed()
            return _Failure(reason, told_s)
        self._line.answered(ticket.at)
        if not self._limiter.heard(ticket, headers) and status == 429:
            self._limiter.refused(ticket, told_s)
        return _Failure(reason, told_s)

    def _refuse(self, status: int, reason: str) -> NoReturn:
        where, section = self._endpoint.base_url, self._config.section
        wrong = (
            f"{section}.model or {section}.base_url: no model '{self._endpoint.model}' at {where}"
            if status == 404
            else f"OPENAI_API_KEY or {section}.secret_block: the key was refused by {where}"
        )
        raise InputError(f"{wrong} ({reason})") from None


def _estimate(messages: list[Message]) -> int:
    """Tokens of a prompt: about 4 bytes each in English and in Korean."""
    return sum(len(message["content"].encode()) // 4 + 8 for message in messages)


def _silence(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    return f"connection failed: {error.__cause__!r}"


def _retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the server asks to wait (RFC 9110 section 10.2.3: a number or a date), None if it does not."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
