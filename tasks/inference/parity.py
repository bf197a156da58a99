"""Parity: does the merged model answer as the base + adapter it was made from?

Both answer the same held-out rows; the pair with its base quantised as in training, the merged model as it
was saved. Compared are the answers, and the logits of the first answer token of each prompt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from tasks.common.errors import StageError
from tasks.common.process import as_child, run_module, tell_progress
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.inference.config import InferenceConfig
from tasks.models.base import CHILD_ENV
from tasks.models.config import ModelConfig
from tasks.prompts.chat import end_with_turn
from tasks.prompts.prompt import Prompt
from tasks.prompts.tokens import Ids, encode_prompts

LEVEL = 0.05


def check_parity(
    base: StageOutput,
    adapter: StageOutput,
    merged: StageOutput,
    data: StageOutput,
    prompt: Prompt,
    model: ModelConfig,
    inference: InferenceConfig,
    store: Path,
    progress: Progress = silent,
) -> StageOutput:
    """Compare merged model and base + adapter on the first `model.parity_rows` evaluation rows.

    Raises:
        InputError: the model has no chat template and the prompt asks for one.
        StageError: fewer than `model.min_parity` of the answers are the same, by more than chance.
    """

    def build(folder: Path) -> Counts:
        job = {
            "base": base.path,
            "adapter": adapter.path,
            "merged": merged.path,
            "rows": str(data.file("eval.parquet")),
            "limit": model.parity_rows,
            "prompt": prompt.model_dump(),
            "dtype": model.precision,
            "batch_size": inference.batch_size,
            "max_new_tokens": inference.max_new_tokens,
            "folder": str(folder),
        }
        run_module(
            "tasks.inference.parity",
            job,
            folder,
            deadline_s=inference.deadline_s,
            progress=progress,
            env=CHILD_ENV,
        )
        counts: Counts = json.loads((folder / "parity.json").read_text("utf-8"))
        return counts

    output = run_stage(
        store,
        "parity",
        inputs={
            "adapter": adapter.sha256,
            "merged": merged.sha256,
            "data": data.sha256,
            "prompt": prompt.hash,
            "rows": model.parity_rows,
            "inference": inference.model_dump(mode="json", exclude={"deadline_s"}),
        },
        code=["tasks.inference", "tasks.models.loading", "tasks.prompts"],
        build=build,
    )
    same, rows = int(output.counts["same_answers"]), int(output.counts["rows"])
    if too_few(same, rows, model.min_parity):
        raise StageError(
            f"the merged model gives {same} of {rows} answers of base + adapter, fewer than model.min_parity = "
            f"{model.min_parity} and more than chance; it is not measured or published"
        )
    return output


def too_few(same: int, rows: int, least: float) -> bool:
    """Whether a share of `least` equal answers is ruled out (exact binomial test, one-sided).

    Rounding changes an answer in six or so; of few rows a few more are no proof of a bad merge.
    """
    return bool(binomtest(same, rows, least, alternative="less").pvalue < LEVEL)


def measure(job: dict[str, Any]) -> None:
    """Answer with both models and write `parity.json`."""
    import pandas as pd

    from tasks.models.loading import load_model, load_pair, load_tokenizer

    prompt = Prompt.model_validate(job["prompt"])
    rows = pd.read_parquet(job["rows"])
    # Every n-th row, so that all languages and databases of the file are in it.
    rows = rows.iloc[:: max(1, len(rows) // job["limit"])].head(job["limit"])
    tokenizer = end_with_turn(load_tokenizer(job["merged"]), prompt)
    prompts = encode_prompts(prompt, rows, tokenizer)
    answers, logits = [], []
    pair = load_pair(job["base"], job["adapter"], job["dtype"])
    for done, model in enumerate((pair, load_model(job["merged"], job["dtype"]))):
        answers.append(_answers(model, tokenizer, prompts, job))
        logits.append(_first_logits(model, prompts))
        tell_progress(done + 1, 2, "models")
    same = sum(a == b for a, b in zip(*answers, strict=True))
    difference = (logits[0] - logits[1]).abs()
    parity = {
        "rows": len(prompts),
        "same_answers": same,
        "share": round(same / len(prompts), 4),
        "max_logit_difference": round(float(difference.max()), 4),
        "mean_logit_difference": round(float(difference.mean()), 4),
    }
    (Path(job["folder"]) / "parity.json").write_text(json.dumps(parity))


def _answers(model: Any, tokenizer: Any, prompts: Sequence[Ids], job: dict[str, Any]) -> list[str]:
    from tasks.inference.engine import generate

    batches = generate(model, tokenizer, prompts, job["batch_size"], job["max_new_tokens"])
    return [answer.raw for answer in sorted(chain.from_iterable(batches), key=lambda a: a.index)]


def _first_logits(model: Any, prompts: Sequence[Ids]) -> Any:
    """Logits of the first answer token: a tensor of prompts × vocabulary, fp32."""
    import torch

    with torch.inference_mode():
        ids = [torch.tensor([prompt], device=model.device) for prompt in prompts]
        return torch.stack([model(i, logits_to_keep=1).logits[0, -1].float().cpu() for i in ids])


if __name__ == "__main__":
    as_child(measure)
