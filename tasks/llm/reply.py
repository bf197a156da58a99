"""What a model wrote to one request, as it is kept in a journal."""

from __future__ import annotations

from tasks.llm.client import Client, Request, UnansweredError
from tasks.llm.endpoint import Endpoint
from tasks.llm.journal import Entry


class Reply(Entry):
    """What the model wrote, or why it wrote nothing, and what that cost in tokens."""

    text: str = ""
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def final(self) -> bool:
        """All but errors, which are asked again."""
        return not self.error


async def reply_to(client: Client, endpoint: Endpoint, key: str, request: Request) -> Reply:
    """Ask, and make the entry to be filed under `key`.

    Raises:
        InputError: no request will be answered: the key, the model or the address is wrong.
        StageError: no request will be answered: the account is empty.
    """
    try:
        answer = await client.ask(request)
    except UnansweredError as reason:
        return Reply(key=key, error=str(reason))
    # Kept as it was written, unless the server told our key in it.
    text = endpoint.hide(answer.text) if endpoint.key in answer.text else answer.text
    return Reply(key=key, text=text, prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens)
