from __future__ import annotations

from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import Prompt, load_prompt

DDL = """CREATE TABLE guilds (id INT AUTO_INCREMENT PRIMARY KEY, `Guild Name` VARCHAR(50) NOT NULL);
CREATE TABLE players (id INT PRIMARY KEY, level DECIMAL(10, 2), guild_id INT NOT NULL, mentor INT REFERENCES players,
  FOREIGN KEY (guild_id) REFERENCES guilds (id));"""


def test_tables_and_columns_say_what_a_query_needs() -> None:
    text = load_prompt(PromptConfig(template="columns")).render(DDL, "How many?")
    tables = "guilds(id, Guild Name)\nplayers(id, level, guild_id -> guilds.id, mentor -> players)"
    assert text == f"### Tables:\n{tables}\n\n### Question:\nHow many?\n\n### SQL:\n"


def test_a_context_that_is_no_ddl_is_shown_as_it_is() -> None:
    assert "no (DDL" in load_prompt(PromptConfig(template="columns")).render("no (DDL", "How many?")


@pytest.mark.parametrize("name", ["sections", "korean"])
def test_a_built_in_template_holds_context_and_question_and_ends_where_the_sql_begins(name: str) -> None:
    text = load_prompt(PromptConfig(template=name)).render("CREATE TABLE t (a INT);", "몇 개인가요?")
    assert "CREATE TABLE t (a INT);" in text and "몇 개인가요?" in text
    assert text.endswith("### SQL:\n")


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
    with pytest.raises(InputError, match=r"'sektions' is neither a file nor one of: columns, korean, sections"):
        load_prompt(PromptConfig(template="sektions"))


def test_a_model_is_refused_under_another_prompt_than_it_was_tuned_with(tmp_path: Path) -> None:
    english, korean = load_prompt(PromptConfig()), load_prompt(PromptConfig(template="korean"))
    korean.check_model(tmp_path)  # a base model, tuned with none, takes any
    english.save(tmp_path)
    english.check_model(tmp_path)
    with pytest.raises(InputError, match=r"tuned with the prompt 'sections' .* asked to answer with 'korean'"):
        korean.check_model(tmp_path)
