"""The process that generates: loads a saved model, answers all prompts, writes `predictions.parquet`.

Every answer is filed in `logs/answers.jsonl` as soon as its batch is there; a process that was killed is started again
and answers what is missing. With `sampling` in its job a row has several answers, which follow each other in the file.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Container, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.process import as_child, tell_progress
from tasks.common.store import LOGS
from tasks.inference.engine import Sampling, generate
from tasks.inference.generated import Generated, place_key, write_predictions
from tasks.llm.journal import Journal
from tasks.models.loading import load_model, load_pair, load_tokenizer, peak_megabytes
from tasks.prompts.chat import end_with_turn
from tasks.prompts.prompt import Prompt
from tasks.prompts.tokens import Ids, encode_prompts

ANSWERS = f"{LOGS}/answers.jsonl"  # with times, so it is no part of what the answers are


def main(job: dict[str, Any]) -> None:
    """Answer the rows of `job["rows"]` with the model in `job["model"]`, or with that adapter on `job["base"]`."""
    prompt = Prompt.model_validate(job["prompt"])
    rows = pd.read_parquet(job["rows"])
    folder = Path(job["folder"])
    tokenizer = end_with_turn(load_tokenizer(job["base"] or job["model"]), prompt)
    prompts = encode_prompts(prompt, rows, tokenizer)
    numbers = range(job["sampling"]["answers"] if "sampling" in job else 1)
    keys = [place_key(i, number) for i, number in product(range(len(prompts)), numbers)]
    with Journal(folder / ANSWERS, Generated) as book:
        known = {key for key in keys if book.find(key)}
        tell_progress(len(known), len(keys), "answers")
        for batch in engine(job, tokenizer, prompts, known) if len(known) < len(keys) else ():
            book.add(*(one for one in batch if one.key not in known))
            known |= {one.key for one in batch}
            tell_progress(len(known), len(keys), "answers")
        answers = [answer for key in keys if (answer := book.find(key))]
    write_predictions(folder, rows["example_id"], answers)
    measured = speed(answers) | {"peak_mb": peak_megabytes()}
    (folder / LOGS / "measured.json").write_text(json.dumps(measured))


def engine(
    job: dict[str, Any], tokenizer: Any, prompts: Sequence[Ids], known: Container[str]
) -> Iterator[list[Generated]]:
    """Answers of the engine that the job names, batch by batch, but for those known."""
    if job["engine"] == "vllm":
        from tasks.inference import vllm_engine

        wanted = [i for i in range(len(prompts)) if place_key(i, 0) not in known]
        how = (job["model"], job["base"], job["dtype"], job["quantization"])
        return vllm_engine.generate(*how, tokenizer, prompts, job["max_new_tokens"], wanted)
    if job["base"]:
        model = load_pair(job["base"], job["model"], job["dtype"])
    else:
        model = load_model(job["model"], job["dtype"], job["quantization"])
    sampling = Sampling(**job["sampling"]) if "sampling" in job else None
    size, most = job["batch_size"], job["max_new_tokens"]
    return generate(model, tokenizer, prompts, size, most, sampling=sampling, known=known)


def speed(answers: Sequence[Generated]) -> dict[str, float]:
    """Rows and tokens a second, and the mean time to the first token."""
    seconds = sum(a.seconds for a in answers)
    first = [a.first_token_s for a in answers if a.first_token_s is not None]
    return {
        "rows": len(answers),
        "rows_per_s": round(len(answers) / seconds, 2),
        "tokens_per_s": round(sum(a.completion_tokens for a in answers) / seconds, 1),
        **({"first_token_s": round(statistics.mean(first), 3)} if first else {}),
    }


if __name__ == "__main__":
    as_child(main)
