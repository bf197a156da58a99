"""Patience with a server: what will pass is tried again, what will not is told at once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import httpx2
from huggingface_hub.errors import HfHubHTTPError

from tasks.common.errors import InputError, StageError

ATTEMPTS = 6
BACKOFF_S = 1.0  # doubled from try to try
LONGEST_WAIT_S = 120.0
PASSING = {408, 409, 412, 425, 429, 500, 502, 503, 504}
REFUSED = {401, 402, 403, 404}

Result = TypeVar("Result")
Tell = Callable[[str], None]


def patiently(step: Callable[[], Result], what: str, tell: Tell) -> Result:
    """Do `step`, and do it again when the server is busy, broken or gone.

    Args:
        step: can be repeated: it looks first what is there already.
        what: the step in words, e.g. "commit to me/text2sql".
        tell: hears of each failure. No message holds a URL (it may be signed) or a header (it holds the token).

    Raises:
        InputError: the server refuses us.
        StageError: it failed `ATTEMPTS` times, or in a way that will not pass.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return step()
        except (InputError, StageError):
            raise
        except Exception as error:  # whatever the client library raises; the chain below it says what happened
            status, passing = _status(error), _passes(error)
            said = f"answer {status}" if status else type(_root(error)).__name__
            if status in REFUSED:
                reason = f"publish: {what} was refused ({said}): is it there, and may we write there?"
                raise InputError(reason) from None
            if not passing:
                raise StageError(f"publish: {what} failed: {said}{_words(error)}") from None
            if attempt == ATTEMPTS:
                reason = f"publish: {what} failed {ATTEMPTS} times, at last: {said}; the next run goes on from here"
                raise StageError(reason) from None
            wait = _wait(error, attempt)
            tell(f"{what}: {said}, again in {wait:.0f} s ({attempt + 1} of {ATTEMPTS})")
        time.sleep(wait)
    raise AssertionError("unreachable")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _root(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]


def _status(error: BaseException) -> int | None:
    for one in _chain(error):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):  # botocore's
            return int(response["ResponseMetadata"]["HTTPStatusCode"])
        if response is not None:
            return int(response.status_code)
    return None


def _passes(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in PASSING
    # A page of HTML where JSON is expected comes from a proxy; a bare RuntimeError from the Xet client.
    passing = (httpx2.TransportError, ConnectionError, TimeoutError, json.JSONDecodeError, RuntimeError)
    return any(isinstance(one, passing) for one in _chain(error))


def _wait(error: BaseException, attempt: int) -> float:
    """Seconds: what the server asks for, else twice as long as before, spread so that clients do not meet again."""
    for one in _chain(error):
        after = one.response.headers.get("retry-after", "") if isinstance(one, HfHubHTTPError) else ""
        if after.isdigit():
            return min(float(after), LONGEST_WAIT_S)
    return min(float(BACKOFF_S * 2 ** (attempt - 1)), LONGEST_WAIT_S) * random.uniform(0.75, 1.25)


def _words(error: BaseException) -> str:
    """What the server said, if it said anything."""
    for one in _chain(error):
        said = getattr(one, "server_message", None)
        if said:
            return f": {' '.join(str(said).split()):.200}"
        if isinstance(one, ValueError):
            return f": {' '.join(str(one).split()):.200}"
        if isinstance(one, OSError) and one.strerror:
            return f": {one.strerror}"
    return ""
