"""Prompts as tokens, in a chat and without, with the real tokenizer of an instruct model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.inference.ask import how_to_serve
from tasks.inference.config import InferenceConfig
from tasks.models.base import base_model
from tasks.models.config import ModelConfig
from tasks.models.loading import load_tokenizer
from tasks.prompts.chat import Turn, end_with_turn, in_chat, turn_of
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.prompts.tokens import encode_prompts, encode_rows, shared_prefix

PLAIN, CHAT = load_prompt(PromptConfig()), load_prompt(PromptConfig(template="instruction", chat=True))
ROWS = pd.DataFrame(
    {
        "context": ["CREATE TABLE players (id INT, age INT);"] * 2 + ["CREATE TABLE books (id INT);"],
        "question": ["How many are older than 30?", "몇 명인가요?", "List {context} of <b>all</b>."],
        "answer": [
            "SELECT COUNT(*) FROM players WHERE age > 30",
            "SELECT COUNT(*) FROM players;",
            "SELECT id FROM books",
        ],
    }
)
ANSWERS = [CHAT.completion(answer) for answer in ROWS["answer"]]
# How other families write a conversation, with the tokens there are here.
SPACED = (  # BOS first, an answer between spaces, the end of sequence as the end of the turn
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] | trim }} [/INST]"
    "{% else %} {{ m['content'] }} {{ eos_token }}{% endif %}{% endfor %}"
)
ENDED = (  # a turn ends with a token of its own, the conversation with the end of sequence
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}{{ eos_token }}{% endif %}"
)
THINKING = (  # an empty thought before the answer if thinking is switched off, else room for one
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
ALWAYS_THINKING = THINKING.replace("enable_thinking is false", "false")


@pytest.fixture(scope="module")
def folder(model_store: Path) -> str:
    return base_model(ModelConfig(), model_store).path


@pytest.fixture
def tokenizer(folder: str) -> Any:
    return load_tokenizer(folder)


def conversation(message: str, answer: str, tokenizer: Any) -> str:
    """The whole of it as transformers renders it, up to the end of the assistant's turn."""
    messages = [{"role": "user", "content": message}, {"role": "assistant", "content": answer}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, enable_thinking=False)
    end = turn_of(tokenizer).end
    return str(text[: text.index(end, text.index(answer)) + len(end)])


def test_the_prompt_in_a_chat_is_the_models_own_header_and_the_users_message(tokenizer: Any) -> None:
    assert in_chat([{"role": "user", "content": PLAIN.render("CREATE TABLE t (a INT);", "How many?")}], tokenizer) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\n### DDL:\nCREATE TABLE t (a INT);\n\n### Question:\nHow many?\n\n### SQL:\n<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert turn_of(tokenizer) == Turn("", "<|im_end|>", "<|im_end|>")


@pytest.mark.parametrize("template", [None, SPACED, ENDED, THINKING])
def test_what_is_trained_on_is_the_conversation_as_the_model_knows_it(tokenizer: Any, template: str | None) -> None:
    if template:
        tokenizer.chat_template, tokenizer.bos_token, tokenizer.add_bos_token = template, "<|im_start|>", True
        tokenizer.eos_token = "<|endoftext|>"
    prompts, completions = encode_rows(CHAT, ROWS, tokenizer)
    texts = [
        conversation(message, answer, tokenizer)
        for message, answer in zip(CHAT.render_rows(ROWS), ANSWERS, strict=True)
    ]
    trained = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
    assert [tokenizer.decode(ids) for ids in trained] == texts
    if template != THINKING:  # there, blank lines before the answer are other tokens than blank lines at an end
        assert trained == tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert prompts == encode_prompts(CHAT, ROWS, tokenizer), "inference begins with other tokens than training"


def test_answer_and_end_are_learned_and_nothing_else(tokenizer: Any) -> None:
    for prompt in (PLAIN, CHAT):
        _, completions = encode_rows(prompt, ROWS, tokenizer)
        assert [tokenizer.decode(ids) for ids in completions] == [answer + "<|im_end|>" for answer in ANSWERS]
        assert {ids[-1] for ids in completions} == {tokenizer.convert_tokens_to_ids("<|im_end|>")}
        assert all(ids.count(ids[-1]) == 1 for ids in completions)


def test_there_is_one_bos_if_the_model_has_one(tokenizer: Any) -> None:
    """Without a chat the tokenizer writes it, in a chat the template."""
    tokenizer.chat_template, tokenizer.bos_token, tokenizer.add_bos_token = SPACED, "<|endoftext|>", True
    for prompt in (PLAIN, CHAT):
        for ids in (*encode_prompts(prompt, ROWS, tokenizer), *encode_rows(prompt, ROWS, tokenizer)[0]):
            assert ids[0] == tokenizer.bos_token_id and ids.count(tokenizer.bos_token_id) == 1
        assert all(tokenizer.bos_token_id not in ids for ids in encode_rows(prompt, ROWS, tokenizer)[1])


def test_the_end_of_the_turn_is_learned_where_it_is_not_the_end_of_sequence(tokenizer: Any) -> None:
    """As in models whose sequences end with one token and whose turns end with another; padding is neither."""
    tokenizer.chat_template, tokenizer.eos_token, tokenizer.pad_token = ENDED, "<|endoftext|>", "<|im_end|>"
    assert turn_of(tokenizer) == Turn("", "<|im_end|>", "<|im_end|>")
    assert end_with_turn(tokenizer, PLAIN).eos_token == "<|endoftext|>"
    assert end_with_turn(tokenizer, CHAT) is tokenizer
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert {ids[-1] for ids in encode_rows(CHAT, ROWS, tokenizer)[1]} == {tokenizer.eos_token_id}
    end_with_turn(tokenizer, CHAT)  # as after a merged model was saved with it
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")


@pytest.mark.parametrize("prompt", [PLAIN, CHAT])
def test_padding_is_not_the_end(tokenizer: Any, prompt: Any) -> None:
    end_with_turn(tokenizer, prompt)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id == encode_rows(prompt, ROWS, tokenizer)[1][0][-1]


def test_rows_of_one_schema_share_header_and_schema(tokenizer: Any) -> None:
    one, other, third = encode_prompts(CHAT, ROWS, tokenizer)
    assert tokenizer.decode(one[: shared_prefix([one, other])]).endswith("age INT);\n\n### Question:\n")
    assert tokenizer.decode(one[: shared_prefix([one, third])]).endswith("### Schema:\nCREATE TABLE")
    assert sorted([one, third, other])[1:] in ([one, other], [other, one]), "sorted, they do not lie side by side"


def test_a_model_without_a_chat_template_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    encode_rows(PLAIN, ROWS, tokenizer)
    for use in (
        lambda: encode_rows(CHAT, ROWS, tokenizer),
        lambda: encode_prompts(CHAT, ROWS, tokenizer),
        lambda: end_with_turn(tokenizer, CHAT),
    ):
        with pytest.raises(InputError, match=r"prompt\.chat: .* has no chat template, as base models have none"):
            use()


def test_a_model_that_always_thinks_first_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = ALWAYS_THINKING
    with pytest.raises(InputError, match=r"prompt\.chat: the chat template of .* right behind the prompt"):
        end_with_turn(tokenizer, CHAT)


def test_a_model_tuned_in_a_chat_is_served_in_one() -> None:
    told = {
        prompt: how_to_serve("m", prompt, "How many?", "CREATE TABLE t (a INT);", InferenceConfig(), "float32")
        for prompt in (PLAIN, CHAT)
    }
    body = json.loads(told[CHAT].partition("-d '")[2].removesuffix("'"))
    message = CHAT.render("CREATE TABLE t (a INT);", "How many?")
    assert "/v1/chat/completions" in told[CHAT] and "prompt" not in body
    assert body["messages"] == [{"role": "user", "content": message}]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "/v1/completions" in told[PLAIN] and '"prompt": "### DDL:' in told[PLAIN]
