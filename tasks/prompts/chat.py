"""A model's own chat template around a prompt: the prompt is the user's message, the answer the assistant's.

    <|im_start|>user
    ### DDL: … ### SQL:
    <|im_end|>
    <|im_start|>assistant
    SELECT COUNT(*) FROM players;<|im_end|>      ← the completion; only this is learned

The texts differ from model to model and are asked from its tokenizer, which is transformers' own throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.common.errors import InputError
from tasks.prompts.prompt import Messages, Prompt

# A template that knows thinking leaves room for it unless told not to; any other one ignores this.
TEMPLATE_ARGUMENTS = {"enable_thinking": False}
PROBE = "SELECT 1;"


@dataclass(frozen=True)
class Turn:
    """What a chat template writes around an answer, after the prompt that asks for it."""

    opening: str  # white space, mostly none
    closing: str  # up to and with `end`
    end: str  # the token that ends the assistant's turn


def in_chat(messages: Messages, tokenizer: Any) -> str:
    """A conversation in the chat template of `tokenizer`, up to where the answer begins.

    Raises:
        InputError: the tokenizer has no chat template.
    """
    return _rendered(messages, tokenizer, add_generation_prompt=True)


def turn_of(tokenizer: Any) -> Turn:
    """How the chat template of `tokenizer` goes on after a prompt, read off a conversation that it renders.

    A template that ends its last turn with no special token leaves that to the end of sequence.

    Raises:
        InputError: there is no chat template, or it writes words of its own before the answer.
    """
    asked = {"role": "user", "content": "?"}
    conversation = _rendered([asked, {"role": "assistant", "content": PROBE}], tokenizer)
    prompt = in_chat([asked], tokenizer)
    opening, found, rest = conversation.removeprefix(prompt).partition(PROBE)
    if not (conversation.startswith(prompt) and found) or opening.strip():
        raise InputError(
            f"prompt.chat: the chat template of {tokenizer.name_or_path} does not put an answer right behind the "
            "prompt that asks for it (a model that always thinks first?); set prompt.chat to false"
        )
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    ends = [token for token in special | set(tokenizer.all_special_tokens) if token in rest]
    if not ends:
        return Turn(opening, tokenizer.eos_token, tokenizer.eos_token)
    end = min(ends, key=lambda token: (rest.index(token), -len(token)))
    return Turn(opening, rest[: rest.index(end)] + end, end)


def end_with_turn(tokenizer: Any, prompt: Prompt) -> Any:
    """Give `tokenizer` the end of sequence that `prompt` is answered with: in a chat, the end of the turn.

    Generation stops at it, and a merged model saved with this tokenizer stops at it wherever it is served. Padding
    stays another token.

    Raises:
        InputError: `prompt` is for a chat and the tokenizer has no chat template that fits.
    """
    if prompt.chat:
        before = tokenizer.eos_token
        tokenizer.eos_token = turn_of(tokenizer).end
        if tokenizer.pad_token_id == tokenizer.eos_token_id:
            tokenizer.pad_token = before  # not the end any more: padding was another token than that one
    return tokenizer


def _rendered(messages: Messages, tokenizer: Any, add_generation_prompt: bool = False) -> str:
    if not tokenizer.chat_template:
        raise InputError(
            f"prompt.chat: {tokenizer.name_or_path} has no chat template, as base models have none; take an instruct "
            "model or set prompt.chat to false"
        )
    return str(
        tokenizer.apply_chat_template(
            messages, add_generation_prompt=add_generation_prompt, tokenize=False, **TEMPLATE_ARGUMENTS
        )
    )
