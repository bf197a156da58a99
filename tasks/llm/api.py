"""One request to an OpenAI-compatible endpoint by OpenAI's SDK, without its retries and most of its CPU time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import openai
from openai._models import FinalRequestOptions
from pydantic import BaseModel, Field

from tasks.llm.endpoint import Endpoint


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class Usage(BaseModel):
    """Tokens paid for."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(BaseModel):
    """The part of a chat completion that is read."""

    choices: list[_Choice] = Field(min_length=1)
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """What the model wrote, be it a refusal."""
        message = self.choices[0].message
        return message.content or message.refusal or ""


class Api(openai.AsyncOpenAI):
    """The SDK's client over aiohttp.

    Chats go out as the SDK would send them, but its request is built once and only gets another body after that:
    building it anew, with the SDK's machinery around it, is half of its CPU time.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float, retries: int = 0) -> None:
        # Azure's older form: …/openai/deployments/NAME?api-version=2024-10-21, with the key in a header of its own.
        address = urlsplit(endpoint.base_url)
        self._azure = "api-version" in address.query
        self._timeout_s = timeout_s
        self._http = openai.DefaultAioHttpClient(
            trust_env=not endpoint.local,  # a proxy set for the outside world cannot reach a server on this machine
            verify=address.scheme != "http",  # without TLS there are no certificates to load
            limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=1000),
            timeout=timeout_s,
        )
        super().__init__(
            api_key=endpoint.key,
            base_url=address._replace(query="").geturl(),
            default_query=dict(parse_qsl(address.query)),
            default_headers={"api-key": endpoint.key} if self._azure else {},
            max_retries=retries,  # of what is not a chat
            timeout=timeout_s,
            http_client=self._http,
        )

    @cached_property
    def _request(self) -> httpx2.Request:
        chat = FinalRequestOptions.construct(method="post", url="/chat/completions", content=b"{}")
        request = self._build_request(chat)
        if self._azure:
            del request.headers["Authorization"]
        return request

    async def complete(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The response to one chat, read to its end.

        Raises:
            openai.APIStatusError: any status from 400.
            openai.APIConnectionError: no response.
            TimeoutError: not all of it in time. (The HTTP client's own timeout starts anew with every byte.)
        """
        content = json.dumps(body).encode()
        headers = self._request.headers.copy()
        headers["content-length"] = str(len(content))
        request = httpx2.Request(
            "POST", self._request.url, headers=headers, content=content, extensions=dict(self._request.extensions)
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.send(request)
        except httpx2.RequestError as error:
            raise openai.APIConnectionError(request=request) from error
        if response.is_error:
            raise self._make_status_error_from_response(response)
        return response
