"""Batch generation with vLLM, greedy: many rows at once on a GPU; an extra that need not be installed.

vLLM keeps the key/value caches of prefixes that rows share, and takes a row in as soon as another one leaves. It
writes on to a model's end token; what stands behind a complete statement is then cut off, so that the same tokens
are the same answer as in the transformers engine. No stop string could do that: whatever its characters, they can
stand inside a quoted text, or before the statement (`###`, a fence).
"""

from __future__ import annotations

import gc
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.inference.generated import Generated
from tasks.prompts.tokens import Ids

CHUNK = 512  # prompts whose answers are handed over together
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, for which vLLM makes room


def check_vllm() -> None:
    """Look whether vLLM is installed, without importing it.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("vllm") is None:
        raise InputError("inference.engine: 'vllm' needs the extra: pip install 'text2sql-nightly[vllm]'")


def generate(
    folder: str,
    base: str | None,
    dtype: str,
    quantization: str,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    wanted: Sequence[int],
) -> Iterator[list[Generated]]:
    """Answer `prompts[i]` (token ids) for each i in `wanted`.

    Args:
        folder: of a saved model, or of an adapter on `base`.
        base: folder of a saved model, which is quantised as it was when the adapter was trained.
        dtype: precision that is calculated in.
        quantization: of a saved model's weights.
        tokenizer: that the prompts were made with; answers end with its end token.
        prompts: all of them, so that the longest is the same whichever are wanted.
        max_new_tokens: longest answer in tokens.
        wanted: places in `prompts`.

    Yields:
        The answers to the next `CHUNK` prompts, which share as long a prefix as possible.

    Raises:
        InputError: the adapter is of a kind that vLLM does not read.
        ValueError: a prompt and its answer can be longer than the model reads (vLLM's own message).
    """
    if not wanted:
        return
    adapter = folder if base else None
    arguments = engine_arguments(base or folder, adapter, dtype, max(map(len, prompts)) + max_new_tokens)
    with _plain_weights(base or folder, dtype, trained_on(folder) if base else quantization) as weights:
        from vllm import LLM, SamplingParams
        from vllm.lora.request import LoRARequest

        llm = LLM(**arguments | {"model": weights})
    until_complete = _until_complete(base or folder, tokenizer)
    sampling = SamplingParams(**sampling_arguments(tokenizer.eos_token_id, max_new_tokens))
    lora = LoRARequest("adapter", 1, adapter) if adapter else None
    order = sorted(wanted, key=lambda i: list(prompts[i]))  # prompts with the same schema lie side by side
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        began = time.monotonic()
        asked = [{"prompt_token_ids": list(prompts[i])} for i in chunk]
        outputs = llm.generate(asked, sampling, lora_request=lora, use_tqdm=False)
        answers = [until_complete(list(output.outputs[0].token_ids)) for output in outputs]
        seconds = (time.monotonic() - began) / len(chunk)
        yield [
            Generated(
                index=i,
                raw=tokenizer.decode(tokens, skip_special_tokens=True),
                prompt_tokens=len(prompts[i]),
                completion_tokens=len(tokens),
                seconds=seconds,
                first_token_s=output.metrics.first_token_latency if output.metrics else None,
            )
            for i, tokens, output in zip(chunk, answers, outputs, strict=True)
        ]


def engine_arguments(model: str, adapter: str | None, dtype: str, longest: int) -> dict[str, Any]:
    """Arguments of vLLM's `LLM` and `EngineArgs`.

    Args:
        model: folder of a saved model.
        adapter: folder of an adapter on it.
        dtype: precision of its weights.
        longest: tokens of a prompt and its answer, so that no room is kept for a model's full context.

    Raises:
        InputError: see `adapter_rank`.
    """
    arguments: dict[str, Any] = {
        "model": model,
        "dtype": dtype,
        "max_model_len": longest,
        "load_format": "safetensors",
        "generation_config": "vllm",  # nothing of how to sample is taken from the model's folder
        "skip_tokenizer_init": True,  # prompts and answers are token ids
        "enable_prefix_caching": True,
        "disable_log_stats": False,  # without them an answer does not tell when its first token came
        "seed": 0,
    }
    if adapter:
        arguments |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": adapter_rank(adapter)}
    return arguments


def sampling_arguments(end: int, max_new_tokens: int) -> dict[str, Any]:
    """Arguments of vLLM's `SamplingParams`: greedy, up to the end token `end`.

    vLLM adds the end tokens of the model's own settings; the tokenizer's is said here, as a tuned model's can be
    another one.
    """
    return {"temperature": 0.0, "max_tokens": max_new_tokens, "stop_token_ids": [end], "detokenize": False}


def adapter_rank(adapter: str) -> int:
    """The smallest rank vLLM makes room for that the adapter in folder `adapter` fits into.

    Raises:
        InputError: it fits into none, or has learned magnitudes (DoRA), which vLLM does not read.
    """
    settings = json.loads((Path(adapter) / "adapter_config.json").read_text("utf-8"))
    rank = max([settings["r"], *(settings.get("rank_pattern") or {}).values()])
    if settings.get("use_dora"):
        raise InputError("inference.engine: 'vllm' does not read a DoRA adapter; answer with the merged model instead")
    if rank > RANKS[-1]:
        raise InputError(f"inference.engine: 'vllm' reads adapters up to rank {RANKS[-1]}; this one has {rank}")
    return min(room for room in RANKS if room >= rank)


def trained_on(adapter: str) -> str:
    """How the base was quantised that the adapter in folder `adapter` was trained on."""
    return str(json.loads((Path(adapter) / "training.json").read_text("utf-8"))["quantization"])


@contextmanager
def _plain_weights(folder: str, dtype: str, quantization: str) -> Iterator[str]:
    """A folder with the weights of the model in `folder`: the numbers that they are when quantised, in plain layers.

    vLLM does not read bitsandbytes' formats any more, and an adapter belongs to what the weights it was trained on
    decode to (tasks/models/merge.py).
    """
    if quantization == "none":
        yield folder
        return
    import torch

    from tasks.models.loading import load_model

    with tempfile.TemporaryDirectory(prefix="t2s-decoded-") as decoded:
        load_model(folder, dtype, quantization).dequantize().save_pretrained(decoded)
        gc.collect()
        torch.cuda.empty_cache()  # vLLM takes what the card has free
        yield decoded


def _until_complete(folder: str, tokenizer: Any) -> Callable[[Ids], Ids]:
    """What cuts an answer where the transformers engine stops writing: behind a complete statement."""
    from transformers import AutoConfig, GenerationConfig

    from tasks.inference.engine import End

    try:
        settings = GenerationConfig.from_pretrained(folder)
    except OSError:  # no such file
        settings = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    end = End(settings, tokenizer)

    def cut(tokens: Ids) -> Ids:
        lengths = (n for n in range(1, len(tokens)) if end.reached(tokens[:n]))
        return tokens[: next(lengths, len(tokens))]

    return cut
