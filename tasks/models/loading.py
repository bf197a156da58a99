"""How models are loaded, everywhere: safetensors only, no code from a model's folder, one way to quantise."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from tasks.common.errors import InputError


def load_tokenizer(folder: str) -> Any:
    """A model's tokenizer, with a padding token that is not the end of sequence.

    If they were one, a trainer that masks padding would also mask the end, and the model would never stop.

    Raises:
        InputError: the tokenizer has no special token besides its end.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        others = (tokenizer.unk_token, tokenizer.bos_token, *tokenizer.all_special_tokens)
        spare = [token for token in others if token and token != tokenizer.eos_token]
        if not spare:
            raise InputError(f"{folder}: the tokenizer has no special token to pad with besides its end of sequence")
        tokenizer.pad_token = spare[0]
    return tokenizer


def load_model(folder: str, dtype: str, quantization: str = "none") -> Any:
    """A saved model on the GPU if there is one, else on the CPU.

    Args:
        folder: a folder in transformers' format with safetensors weights.
        dtype: precision of the weights ('bfloat16', 'float16', 'float32'), or of the computation if quantised.
        quantization: 'none', 'int8', or 'nf4' with double quantisation (QLoRA, arXiv 2305.14314).
    """
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        quantization_config=_quantized(quantization, getattr(torch, dtype)),
        attn_implementation="sdpa",
        use_safetensors=True,
        trust_remote_code=False,
        device_map=_placed(),
    )


def _quantized(quantization: str, precision: torch.dtype) -> BitsAndBytesConfig | None:
    if quantization == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=precision,
            # Shards of FSDP hold one type only, so that the packed weights are kept in that of the others.
            bnb_4bit_quant_storage=precision if _sharded() else torch.uint8,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if quantization == "int8" else None


def _placed() -> dict[str, str] | None:
    """One device a process; who cuts a model in pieces places them himself."""
    if _sharded():
        return None
    return {"": f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"}


def _sharded() -> bool:
    return any(os.environ.get(f"ACCELERATE_USE_{name}") == "true" for name in ("FSDP", "DEEPSPEED"))


def load_pair(base: str, adapter: str, dtype: str, decoded: bool = False) -> PeftModel:
    """An adapter on its base, quantised as it was when the adapter was trained.

    With `decoded` the quantised weights are decoded to `dtype` again: the same numbers, in plain layers that an
    adapter can be merged into.
    """
    quantization = json.loads((Path(adapter) / "training.json").read_text("utf-8"))["quantization"]
    model = load_model(base, dtype, quantization)
    if decoded and quantization != "none":
        model = model.dequantize()
    return PeftModel.from_pretrained(model, adapter).eval()


def peak_megabytes() -> int:
    """Largest memory this process has held: of the GPU if there is one, else of the machine."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def device_name() -> str:
    """What the model runs on, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
