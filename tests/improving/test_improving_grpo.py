from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.common.store import StageOutput
from tasks.improving.grpo import arguments, execution_reward
from tasks.models.config import ModelConfig
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig

PROMPT = load_prompt(PromptConfig(template="columns"))
PRECISION = ModelConfig().precision


def test_the_reward_is_one_for_a_right_answer_and_nothing_for_one_that_only_runs() -> None:
    count, ordered = "SELECT COUNT(*) FROM shop WHERE price > 5;", "SELECT city FROM shop ORDER BY price;"
    said = {
        "SELECT COUNT(*) FROM shop WHERE 5 < price;": (count, "mysql", 1.0),
        "SELECT city FROM shop ORDER BY price;\n\n### Question:": (ordered, "sqlite", 1.0),
        "SELECT COUNT(*) FROM shop WHERE price > 6;": (count, "mysql", 0.0),
        "SELECT city FROM shop": (ordered, "sqlite", 0.0),
        "SELECT COUNT(*) FROM shops": (count, "mysql", 0.0),
        "": (ordered, "sqlite", 0.0),
    }
    gold, dialect, expected = ([told[i] for told in said.values()] for i in range(3))
    context = ["CREATE TABLE shop (id INT PRIMARY KEY, city VARCHAR(20), price INT);"] * len(said)
    asked: dict[str, Any] = {"gold": gold, "context": context, "dialect": dialect, "prompts": [""] * len(said)}
    reward = execution_reward(SqlConfig(databases=6))
    assert reward(completions=list(said), **asked) == expected
    assert reward(completions=[[{"role": "assistant", "content": text}] for text in said], **asked) == expected


@pytest.mark.parametrize(
    ("rows", "accumulation", "answers", "questions"),
    [(4, 1, 4, 1), (1, 1, 4, 1), (4, 4, 4, 4), (6, 1, 4, 1), (4, 1, 8, 1)],
)
def test_a_step_sees_all_answers_to_whole_questions(
    rows: int, accumulation: int, answers: int, questions: int, tmp_path: Path
) -> None:
    training = TrainingConfig(rows_per_sequence=rows, gradient_accumulation=accumulation)
    job = {"folder": str(tmp_path), "dtype": PRECISION, "answers": answers, "temperature": 1.0, "max_new_tokens": 8}
    found = arguments(training, job)
    assert found.per_device_train_batch_size * found.gradient_accumulation_steps == questions * answers
    assert found.per_device_train_batch_size <= max(rows, 1)
    assert found.generation_batch_size == questions * answers


@pytest.mark.slow
def test_a_step_of_grpo_rewards_by_execution(
    base: StageOutput, adapter: StageOutput, rows: pd.DataFrame, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tasks.improving.grpo import main

    rows.head(2).to_parquet(tmp_path / "mixed.parquet")
    (tmp_path / "logs").mkdir()
    training = TrainingConfig(max_steps=1, rows_per_sequence=2, lora_r=4)
    main(
        {
            "base": base.path,
            "start": adapter.path,
            "rows": str(tmp_path / "mixed.parquet"),
            "prompt": PROMPT.model_dump(),
            "dtype": PRECISION,
            "folder": str(tmp_path),
            "training": training.model_dump(mode="json"),
            "answers": 2,
            "temperature": 1.0,
            "max_new_tokens": 8,
            "sql": SqlConfig(databases=2).model_dump(mode="json"),
        }
    )
    told = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert (told["method"], told["rows"], told["steps"], told["quantization"]) == ("grpo", 2, 1, "nf4")
    assert (tmp_path / "adapter_model.safetensors").is_file()
    assert "mean reward by step: [[1, 0.0]]" in capfd.readouterr().out  # cut off after eight tokens, nothing is right
