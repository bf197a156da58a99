from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tasks.prompts.asking import help_with, nearest, with_column_names
from tasks.prompts.config import AskingConfig, PromptConfig
from tasks.prompts.prompt import load_prompt

SHOP = "CREATE TABLE orders (id INT, customer VARCHAR(9), unit_price INT, `Sold At` DATE, 가격 INT);"
SHOP_TOO = "CREATE TABLE orders (id INT, customer_name VARCHAR(9), unit_price INT);"
STARS = "CREATE TABLE stars (id INT, brightness INT, distance INT);"
TRAINING = pd.DataFrame(
    [
        (SHOP, "How many orders are there?", "SELECT COUNT(*) FROM orders;"),
        (SHOP_TOO, "How many orders are there?", "SELECT COUNT(*) FROM orders;"),
        (SHOP_TOO, "What is the highest unit price?", "SELECT MAX(unit_price) FROM orders"),
        (STARS, "What is the highest brightness of a star?", "SELECT MAX(brightness) FROM stars"),
        (STARS, "How many stars are there?", "SELECT COUNT(*) FROM stars"),
    ],
    columns=["context", "question", "answer"],
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("List the customers by UnitPrice.", "List the customer by unit_price."),
        ("Is CUSTOMER 7 new?", "Is customer 7 new?"),
        ("customers' prices", "customer' prices"),
        ("When was it sold at?", "When was it sold at?"),
        ("가격이 가장 높은 것은?", "가격이 가장 높은 것은?"),
        ("가격 순으로", "가격 순으로"),
        ("", ""),
    ],
)
def test_words_that_nearly_are_a_columns_name_become_it(question: str, expected: str) -> None:
    assert with_column_names(question, SHOP, 91) == expected


def test_how_alike_decides_and_a_context_without_columns_changes_nothing() -> None:
    assert with_column_names("the custmr", SHOP, 91) == "the custmr"
    assert with_column_names("the custmr", SHOP, 80) == "the customer"
    assert with_column_names("the customers", "what?", 91) == "the customers"


def asked(question: str, context: str = SHOP) -> pd.DataFrame:
    return pd.DataFrame([("x", context, question)], columns=["example_id", "context", "question"])


def test_the_nearest_examples_come_last_and_never_show_the_answer_twice() -> None:
    (shown,) = nearest(asked("How many orders were there?"), TRAINING, 3)
    assert [one["question"] for one in shown][-1] == "How many orders are there?"
    assert len({one["answer"].rstrip(";") for one in shown}) == 3


def test_a_row_is_not_its_own_example() -> None:
    (shown,) = nearest(asked("How many orders are there?"), TRAINING, 5)
    assert (SHOP, "How many orders are there?") not in [(one["context"], one["question"]) for one in shown]
    assert len(shown) == 4


@pytest.mark.parametrize(
    ("question", "table"), [("What is the highest unit price?", "orders"), ("Which star?", "stars")]
)
def test_schema_and_question_both_count(question: str, table: str) -> None:
    context = SHOP if table == "orders" else STARS
    (shown,) = nearest(asked(question, context), TRAINING, 1)
    assert table in shown[0]["answer"]


def test_examples_are_written_as_training_rows_are_and_in_a_chat_they_are_turns() -> None:
    rows = help_with(asked("How many orders were there?"), TRAINING, AskingConfig(examples=1))
    prompt = load_prompt(PromptConfig(template="columns"))
    (text,) = prompt.render_rows(rows)
    example = prompt.render(rows["examples"][0][0]["context"], "How many orders are there?")
    question = prompt.render(SHOP, "How many orders were there?")
    assert text == f"{example}SELECT COUNT(*) FROM orders;\n\n{question}"
    (chat,) = prompt.chats(rows)
    assert chat == [
        {"role": "user", "content": example},
        {"role": "assistant", "content": "SELECT COUNT(*) FROM orders;"},
        {"role": "user", "content": question},
    ]


def test_examples_outlive_a_file(tmp_path: Any) -> None:
    rows = help_with(asked("How many?"), TRAINING, AskingConfig(examples=2, match_columns=91))
    rows.to_parquet(tmp_path / "rows.parquet")
    prompt = load_prompt(PromptConfig())
    assert prompt.render_rows(pd.read_parquet(tmp_path / "rows.parquet")) == prompt.render_rows(rows)


def test_without_help_rows_are_asked_as_they_are() -> None:
    rows = asked("How many customers?")
    pd.testing.assert_frame_equal(help_with(rows, TRAINING, AskingConfig()), rows)
