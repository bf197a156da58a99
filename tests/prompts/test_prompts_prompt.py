from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import TEMPLATES, Prompt, load_prompt

DDL = """CREATE TABLE guilds (id INT AUTO_INCREMENT PRIMARY KEY, `Guild Name` VARCHAR(50) NOT NULL);
CREATE TABLE players (id INT PRIMARY KEY, level DECIMAL(10, 2), guild_id INT NOT NULL, mentor INT REFERENCES players,
  FOREIGN KEY (guild_id) REFERENCES guilds (id));"""


def test_tables_and_columns_say_what_a_query_needs() -> None:
    text = load_prompt(PromptConfig(template="columns")).render(DDL, "How many?")
    tables = "guilds(id, Guild Name)\nplayers(id, level, guild_id -> guilds.id, mentor -> players)"
    assert text == f"### Tables:\n{tables}\n\n### Question:\nHow many?\n\n### SQL:\n"


def test_a_context_that_is_no_ddl_is_shown_as_it_is() -> None:
    assert "no (DDL" in load_prompt(PromptConfig(template="columns")).render("no (DDL", "How many?")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sections", "### DDL:\nCREATE TABLE t (a INT);\n\n### Question:\n몇 개인가요?\n\n### SQL:\n"),
        ("columns", "### Tables:\nt(a)\n\n### Question:\n몇 개인가요?\n\n### SQL:\n"),
        (
            "korean",
            "아래 DDL에 있는 테이블만 써서, Question에 답하는 SQL 쿼리 하나를 작성하세요.\n\n"
            "### DDL:\nCREATE TABLE t (a INT);\n\n### Question:\n몇 개인가요?\n\n### SQL:\n",
        ),
        (
            "instruction",
            "### Instruction:\nWrite one SQL query that answers the question below. Use only tables and columns of the "
            "schema.\n\n### Schema:\nCREATE TABLE t (a INT);\n\n### Question:\n몇 개인가요?\n\n### Response:\n",
        ),
    ],
)
def test_a_built_in_template_renders_a_row(name: str, text: str) -> None:
    row = pd.DataFrame({"context": ["CREATE TABLE t (a INT);\n"], "question": [" 몇 개인가요?"]})
    assert load_prompt(PromptConfig(template=name)).render_rows(row) == [text]


def test_every_template_there_is_has_its_text_tested() -> None:
    assert {file.stem for file in TEMPLATES.glob("*.txt")} == {"sections", "columns", "korean", "instruction"}


def test_braces_in_a_row_are_text_and_not_slots() -> None:
    prompt = Prompt(name="x", template="{context}|{question}")
    assert prompt.render("{question}", "{context} {0}") == "{question}|{context} {0}"


@pytest.mark.parametrize("answer", ["SELECT 1", "SELECT 1;", " SELECT 1 ;\n"])
def test_a_completion_ends_with_one_semicolon(answer: str) -> None:
    assert load_prompt(PromptConfig()).completion(answer) == "SELECT 1;"


def test_a_template_of_the_user_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("스키마: {context}\n질문: {question}\nSQL: ", "utf-8")
    assert load_prompt(PromptConfig(template=str(file))).render("A", "B") == "스키마: A\n질문: B\nSQL: "


def test_a_template_without_a_slot_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("{context} only", "utf-8")
    with pytest.raises(InputError, match=r"mine\.txt: a prompt template needs \{question\} and one of"):
        load_prompt(PromptConfig(template=str(file)))


def test_an_unknown_template_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match=r"'sektions' is neither a file nor one of: columns, instruction, korean, sections"
    ):
        load_prompt(PromptConfig(template="sektions"))


def test_a_model_is_refused_under_another_prompt_than_it_was_tuned_with(tmp_path: Path) -> None:
    english, korean = load_prompt(PromptConfig()), load_prompt(PromptConfig(template="korean"))
    korean.check_model(tmp_path)  # a base model, tuned with none, takes any
    english.save(tmp_path)
    english.check_model(tmp_path)
    with pytest.raises(InputError, match=r"tuned with the prompt 'sections' .* asked to answer with 'korean'"):
        korean.check_model(tmp_path)


def test_a_model_tuned_in_a_chat_is_refused_without_it_and_the_other_way_round(tmp_path: Path) -> None:
    plain, chat = load_prompt(PromptConfig()), load_prompt(PromptConfig(chat=True))
    for tuned, asked in ((plain, chat), (chat, plain)):
        tuned.save(tmp_path)
        tuned.check_model(tmp_path)
        with pytest.raises(InputError) as refused:
            asked.check_model(tmp_path)
        assert f"tuned with the prompt {tuned.title}, asked to answer with {asked.title}" in str(refused.value)
    assert plain.title == f"'sections' ({plain.hash})" and chat.title == f"'sections' in a chat ({chat.hash})"


def test_a_prompt_saved_before_there_were_chats_is_the_same_prompt_today(tmp_path: Path) -> None:
    template = (TEMPLATES / "columns.txt").read_text("utf-8")
    (tmp_path / "prompt.json").write_text(json.dumps({"name": "columns", "template": template}), "utf-8")
    load_prompt(PromptConfig(template="columns")).check_model(tmp_path)
    saved = Prompt.of_model(tmp_path)
    assert saved is not None and not saved.chat
    assert saved.hash == hashlib.sha256(template.encode()).hexdigest()[:16] == "e64ef96fc8a7b7c1"
