"""The process that generates: loads a saved model, answers all prompts, writes `predictions.parquet`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tasks.common.process import give_up_memory, read_job, tell_progress
from tasks.inference.answer import answer_of
from tasks.inference.engine import generate
from tasks.models.loading import load_model, load_tokenizer, peak_megabytes
from tasks.prompts.prompt import Prompt


def main(job: dict[str, Any]) -> None:
    """Answer the rows of `job["rows"]` with the model in `job["model"]`."""
    prompt = Prompt.model_validate(job["prompt"])
    rows = pd.read_parquet(job["rows"])
    tokenizer = load_tokenizer(job["model"])
    model = load_model(job["model"], job["dtype"])
    prompts = prompt.render_rows(rows)
    began = time.monotonic()
    answers = []
    for answer in generate(model, tokenizer, prompts, job["batch_size"], job["max_new_tokens"]):
        answers.append(answer)
        tell_progress(len(answers), len(prompts), "answers")
    seconds = time.monotonic() - began
    answers.sort(key=lambda a: a.index)
    predictions = pd.DataFrame(
        {
            "example_id": rows["example_id"].to_numpy(),
            "raw": [a.raw for a in answers],
            "sql": [answer_of(a.raw) for a in answers],
            "prompt_tokens": [a.prompt_tokens for a in answers],
            "completion_tokens": [a.completion_tokens for a in answers],
        }
    )
    folder = Path(job["folder"])
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    measured = {
        "rows": len(answers),
        "rows_per_s": round(len(answers) / seconds, 2),
        "tokens_per_s": round(sum(a.completion_tokens for a in answers) / seconds, 1),
        "peak_mb": peak_megabytes(),
    }
    (folder / "logs" / "measured.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    told = read_job()
    try:
        main(told)
    except (torch.OutOfMemoryError, MemoryError):
        give_up_memory()
