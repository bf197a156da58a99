"""One request to an OpenAI-compatible endpoint as OpenAI's SDK sends it, at a fraction of its CPU time."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import httpx2
import openai
from openai._models import FinalRequestOptions
from pydantic import BaseModel, Field
from pydantic_core import to_json
from yarl import URL

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


@dataclass(frozen=True)
class Reply:
    """The server's answer to one chat."""

    headers: Mapping[str, str]
    content: bytes


class Api(openai.AsyncOpenAI):
    """The SDK's client, whose chats go out by aiohttp alone.

    They are what the SDK would send, and their errors are the SDK's, but its request is built once and only gets
    another body after that, and its HTTP layer is left out: together four fifths of its CPU time.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float, retries: int = 0) -> None:
        # Azure's older form: …/openai/deployments/NAME?api-version=2024-10-21, with the key in a header of its own.
        address = urlsplit(endpoint.base_url)
        self._azure = "api-version" in address.query
        self._timeout_s = timeout_s
        self._tls = httpx2.create_ssl_context() if address.scheme == "https" else False
        self._proxies = not endpoint.local  # a proxy set for the outside world cannot reach a server on this machine
        super().__init__(
            api_key=endpoint.key,
            base_url=address._replace(query="").geturl(),
            default_query=dict(parse_qsl(address.query)),
            default_headers={"api-key": endpoint.key} if self._azure else {},
            max_retries=retries,  # of what is not a chat
            timeout=timeout_s,
            http_client=httpx2.AsyncClient(trust_env=self._proxies, verify=self._tls, timeout=timeout_s),
        )

    @cached_property
    def _request(self) -> httpx2.Request:
        chat = FinalRequestOptions.construct(method="post", url="/chat/completions", content=b"{}")
        request = self._build_request(chat)
        kept = {"accept", "api-key" if self._azure else "authorization", "content-type", "user-agent"}
        request.headers = httpx2.Headers([(name, text) for name, text in request.headers.items() if name in kept])
        return request

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls),
            headers=self._request.headers.items(),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            proxy=_proxy(self._address) if self._proxies else None,
        )

    async def complete(self, body: Mapping[str, Any]) -> Reply:
        """The reply to one chat, read to its end.

        Raises:
            openai.APIStatusError: any status from 400.
            openai.APIConnectionError: no reply.
            TimeoutError: not all of it in time.
        """
        try:
            async with self._session.post(self._address, data=to_json(body)) as response:
                reply = Reply(response.headers, await response.read())
        except aiohttp.ClientError as error:
            raise openai.APIConnectionError(request=self._request) from error
        if response.status >= 400:
            told = [(name, value) for name, value in reply.headers.items() if name.lower() != "content-encoding"]
            raise self._make_status_error_from_response(
                httpx2.Response(response.status, headers=told, content=reply.content, request=self._request)
            )
        return reply

    @cached_property
    def _address(self) -> URL:
        return URL(str(self._request.url), encoded=True)

    async def close(self) -> None:
        """Close all connections."""
        if "_session" in self.__dict__:
            await self._session.close()
        await super().close()


def _proxy(address: URL) -> str | None:
    """The proxy that the environment names; looked up once, since aiohttp asks a thread for it at every request."""
    if urllib.request.proxy_bypass(f"{address.host}:{address.port}"):
        return None
    return urllib.request.getproxies().get(address.scheme)
