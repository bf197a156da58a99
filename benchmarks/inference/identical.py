"""Share of answers that are those of fp32, one prompt at a time: in batches, in other precisions, on the adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.inference.ways import one_by_one, ours
from benchmarks.inference.work import (
    BATCH_SIZE,
    MAX_NEW_TOKENS,
    PACKAGES,
    PROMPT,
    english_rows,
    tuned_adapter,
    tuned_model,
)
from benchmarks.parts import Part
from benchmarks.record import Row, show
from tasks.inference.answer import answer_of
from tasks.models.loading import load_model, load_pair, load_tokenizer
from tasks.prompts.tokens import encode_prompts


def run(quick: bool) -> Part:
    """Answer the same rows in every precision."""
    folder = str(tuned_model())
    tokenizer = load_tokenizer(folder)
    rows = english_rows()[:: 8 if quick else 2]
    prompts = encode_prompts(PROMPT, rows, tokenizer)
    # What the stop rule leaves of one prompt's answer is compared: `generate` may write an end token behind it.
    alone = one_by_one(load_model(folder, "float32"), tokenizer, prompts, 1, MAX_NEW_TOKENS)
    base, adapter = map(str, tuned_adapter())
    loaded: dict[str, Callable[[], Any]] = {
        "fp32": lambda: load_model(folder, "float32"),
        "bf16": lambda: load_model(folder, "bfloat16"),
        "nf4": lambda: load_model(folder, "bfloat16", "nf4"),
        "int8": lambda: load_model(folder, "bfloat16", "int8"),
        "adapter_on_its_base": lambda: load_pair(base, adapter, "bfloat16"),
    }
    table: list[Row] = []
    for name, load in loaded.items():
        answers = ours(load(), tokenizer, prompts, BATCH_SIZE, MAX_NEW_TOKENS)
        same = sum(answer_of(a) == answer_of(b) for a, b in zip(alone, answers, strict=True))
        table.append(
            {"precision": name, "rows": len(prompts), "identical": same, "share": round(same / len(prompts), 4)}
        )
        print(table[-1], flush=True)
    show("Answers in batches that are those of fp32, one prompt at a time", table)
    return Part({f"{line['precision']}_identical_share": line["share"] for line in table}, PACKAGES)
