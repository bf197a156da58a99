"""A generating process that is killed, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.store import StageOutput
from tasks.inference.config import InferenceConfig
from tasks.inference.predict import answer, predict
from tasks.prompts.config import AskingConfig, PromptConfig
from tasks.prompts.prompt import load_prompt

PROMPT = load_prompt(PromptConfig(template="columns"))
SETTINGS = {"engine": "transformers", "dtype": "float32", "quantization": "none", "batch_size": 4, "max_new_tokens": 12}


def rows_of(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "example_id": [f"{i:04x}" for i in range(count)],
            "context": [f"CREATE TABLE t{i % 3} (id INT PRIMARY KEY, price INT, floor INT);" for i in range(count)],
            "question": [f"How many of them cost more than {i}?" for i in range(count)],
            "answer": [f"SELECT COUNT(*) FROM t{i % 3} WHERE price > {i};" for i in range(count)],
        }
    )


def filed(folder: Path) -> list[str]:
    file = folder / "logs" / "answers.jsonl"
    lines = file.read_text("utf-8").split("\n")[:-1] if file.is_file() else []
    return [json.loads(line)["key"] for line in lines]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_answers_no_row_twice(two_layers: StageOutput, tmp_path: Path) -> None:
    rows = tmp_path / "rows.parquet"
    rows_of(40).to_parquet(rows)
    (tmp_path / "whole").mkdir()
    answer(two_layers.path, rows, PROMPT, tmp_path / "whole", SETTINGS, 300)

    folder = tmp_path / "killed"
    folder.mkdir()
    job = tmp_path / "job.json"
    told = {"model": two_layers.path, "base": None, "rows": str(rows), "prompt": PROMPT.model_dump()}
    job.write_text(json.dumps({**told, "folder": str(folder), **SETTINGS}))
    for least in (1, 20):
        command = [sys.executable, "-m", "tasks.inference.child", str(job)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(filed(folder)) < least:
            assert child.poll() is None, "it ended before it was killed"
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    before = filed(folder)
    assert 20 <= len(before) < 40
    with (folder / "logs" / "answers.jsonl").open("a") as torn:
        torn.write('{"key": "39/0", "inde')
    heard: list[int] = []
    measured = answer(
        two_layers.path, rows, PROMPT, folder, SETTINGS, 300, lambda done, total, what: heard.append(done)
    )
    after = filed(folder)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 40, "a row was answered twice"
    assert heard[0] == len(before) and heard[-1] == 40
    assert measured["rows"] == 40 and float(measured["rows_per_s"]) > 0
    one, other = (pd.read_parquet(tmp_path / name / "predictions.parquet") for name in ("whole", "killed"))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
def test_examples_and_precision_are_part_of_what_predictions_are(two_layers: StageOutput, tmp_path: Path) -> None:
    data = StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)
    rows_of(12).to_parquet(tmp_path / "train.parquet")
    rows_of(4).to_parquet(tmp_path / "eval.parquet")
    config = InferenceConfig(max_new_tokens=8)
    plain = predict(two_layers, data, PROMPT, config, "float32", tmp_path / "store")
    shown = predict(
        two_layers, data, PROMPT, config, "float32", tmp_path / "store", quantization="int8",
        asking=AskingConfig(examples=2),
    )  # fmt: skip
    again = predict(two_layers, data, PROMPT, config, "float32", tmp_path / "store")
    assert again.reused and again.key == plain.key != shown.key
    assert (plain.counts["engine"], plain.counts["precision"], plain.counts["batch"]) == ("transformers", "float32", 56)
    assert shown.counts["precision"] == "int8, float32"
    tokens = [pd.read_parquet(one.file("predictions.parquet"))["prompt_tokens"] for one in (plain, shown)]
    assert (tokens[1] > 2.5 * tokens[0]).all(), "two examples are longer than the question"
