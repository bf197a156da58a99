"""Asking an OpenAI-compatible endpoint, so that a question ends with an answer or with a clear reason.

The SDK's own retries are off: they retry an empty account, give up on a body that is not JSON, and know
nothing of the other questions in flight. No message that leaves this module holds the key.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import random
import time
from collections.abc import Mapping
from typing import Any, NoReturn, Self

import openai
from pydantic import BaseModel, Field, ValidationError

from tasks.common.errors import InputError, StageError
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import Endpoint
from tasks.judging.pacing import Limiter
from tasks.judging.prompt import RESPONSE_FORMAT, Message

BACKOFF_S = 1.0  # the first wait is at most this long, each later one at most twice the one before
LONGEST_WAIT_S = 60.0
LONGEST_RETRY_AFTER_S = 120.0
LOCAL_TIMEOUT_S = 300.0  # a local judge goes on with a question we gave up, so giving up early costs double

_RETRIED = {408, 409, 429}
_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached"}


class UnansweredError(Exception):
    """One question got no answer; the message says why and may be shown."""


class Answer(BaseModel):
    """What the model wrote (possibly cut off, possibly a refusal) and what it cost in tokens."""

    text: str
    prompt_tokens: int
    completion_tokens: int


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class Client:
    """An open connection to one endpoint, with its limits. Use as `async with`."""

    def __init__(self, endpoint: Endpoint, config: JudgingConfig) -> None:
        self._endpoint = endpoint
        self._attempts = config.attempts
        self._timeout_s = LOCAL_TIMEOUT_S if endpoint.local else config.timeout_s
        unlimited = (math.inf, math.inf)
        limits = unlimited if endpoint.local else (config.requests_per_minute, config.tokens_per_minute)
        self._limiter = Limiter(*limits)
        self._structured = True  # until the server refuses `response_format`
        self._api = openai.AsyncOpenAI(
            api_key=endpoint.key,
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=self._timeout_s,
            # A proxy set for the outside world cannot reach a server on this machine.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if endpoint.local else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    async def ask(self, messages: list[Message]) -> Answer:
        """Ask until there is an answer, at most `attempts` times.

        Raises:
            UnansweredError: this question got none.
            InputError: no question will: the key, the model or the address is wrong.
            StageError: no question will: the account is empty.
        """
        tokens = _estimate(messages) + self._endpoint.parameters["max_completion_tokens"]
        for attempt in range(self._attempts):
            await self._limiter.wait(tokens)
            wait_s = random.uniform(0, min(LONGEST_WAIT_S, BACKOFF_S * 2**attempt))  # full jitter
            try:
                answer = await self._request(messages)
            except openai.APIStatusError as error:
                reason = self._reason(error)
                told_s = _retry_after_s(error.response.headers, time.time())
                if told_s is not None:
                    if told_s > LONGEST_RETRY_AFTER_S:
                        raise UnansweredError(f"{reason}; the server asks to wait {told_s:.0f} s") from None
                    wait_s = told_s + random.uniform(0, BACKOFF_S)
                if error.status_code == 429:
                    self._limiter.hold(wait_s)
            except (openai.APIConnectionError, TimeoutError, ValidationError) as error:
                reason = self._endpoint.hide(_describe(error, self._timeout_s))
            else:
                self._limiter.answered()
                return answer
            if attempt + 1 < self._attempts:
                await asyncio.sleep(wait_s)
        raise UnansweredError(f"no answer in {self._attempts} attempts, at last: {reason}") from None

    async def _request(self, messages: list[Message]) -> Answer:
        """One request; a second without `response_format` where the server refuses the first for it."""
        if self._structured:
            try:
                return await self._post(messages, {"response_format": RESPONSE_FORMAT})
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                answer = await self._post(messages, {})
                self._structured = False
                return answer
        return await self._post(messages, {})

    async def _post(self, messages: list[Message], extra: Mapping[str, Any]) -> Answer:
        # The SDK's timeout starts anew with every byte; this one holds for the whole answer.
        async with asyncio.timeout(self._timeout_s):
            raw = await self._api.chat.completions.with_raw_response.create(
                model=self._endpoint.model,
                messages=messages,  # type: ignore[arg-type]
                **self._endpoint.parameters,
                **extra,
            )
        completion = _Completion.model_validate_json(raw.content)
        message = completion.choices[0].message
        usage = completion.usage or _Usage()
        return Answer(text=message.content or message.refusal or "", **usage.model_dump())

    def _reason(self, error: openai.APIStatusError) -> str:
        """Why a request was refused, or an exception where asking again cannot help."""
        status, code = error.status_code, error.code or error.type or ""
        reason = f"HTTP {status} {self._endpoint.hide(error.message)}"
        if code in _NO_CREDIT or error.type in _NO_CREDIT:
            raise StageError(f"the judge's account at {self._endpoint.base_url} is empty: {reason}") from None
        if status in (401, 403, 404):
            self._refuse(status, reason)
        if status not in _RETRIED and status < 500:
            raise UnansweredError(reason) from None
        return reason

    def _refuse(self, status: int, reason: str) -> NoReturn:
        where = self._endpoint.base_url
        wrong = (
            f"judging.model or judging.base_url: no model '{self._endpoint.model}' at {where}"
            if status == 404
            else f"OPENAI_API_KEY or judging.secret_block: the key was refused by {where}"
        )
        raise InputError(f"{wrong} ({reason})") from None


def _estimate(messages: list[Message]) -> int:
    """Tokens of a prompt, from above: English has about 4 bytes a token, Korean 3 and more."""
    return sum(len(message["content"].encode()) // 3 + 8 for message in messages)


def _describe(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, ValidationError):
        return "the answer was not a chat completion in JSON"
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
