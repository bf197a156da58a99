"""How much memory a training needs, told from the model's architecture alone: no weights, no GPU.

The model is built on torch's meta device, where tensors have a shape and no content, with one and with two layers and
the adapter in it. What a forward pass keeps for the backward one is counted; the difference between the two is a
layer, what is left is the embedding and the head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM

from tasks.training.adapter import new_adapter
from tasks.training.config import TrainingConfig
from tasks.training.gpus import Gpu
from tasks.training.meta import kept_bytes

Device = Literal["cuda", "cpu"]

CUDA_CONTEXT_MB = 600  # CUDA's context, kernels and cuBLAS' workspaces; 400 to 700 depending on card and driver
FRAGMENTATION = 0.1  # share of what comes and goes that the caching allocator holds and cannot give out
MORE_ROW = 1 / 4  # of `max_length`: what a further row over the same schema adds to a sequence at most
LEARNED = 1 / 8  # of `max_length`: the longest answer

# Sizes in TRL's fused head (trl.kernels.chunked_logprob) and in bitsandbytes' optimizers and NF4 weights.
HEAD_TOKENS, HEAD_VOCABULARY = 4096, 32768
SMALLEST_8BIT, BLOCK_8BIT = 4096, 256
BLOCK_NF4, BLOCK_ABSMAX = 64, 256


class Memory(NamedTuple):
    """What training holds on one device at its peak, in millions of bytes.

    Attributes:
        weights: the frozen base.
        adapter: the trained weights.
        gradients: of the adapter.
        optimizer: the optimizer's states. Those of a paged optimizer are counted too: they may leave a full card.
        activations: what a forward pass keeps for the backward one.
        moment: what is held for a moment on top: the head's logits, or a decoded weight and a layer's gradients.
        overhead: of CUDA and its allocator.
    """

    weights: float
    adapter: float
    gradients: float
    optimizer: float
    activations: float
    moment: float
    overhead: float

    @property
    def total(self) -> float:
        """The sum."""
        return sum(self)

    def __str__(self) -> str:
        """The parts in gigabytes, the larger ones only."""
        parts = {name: value / 1000 for name, value in self._asdict().items() if value >= 100}
        return ", ".join(f"{name} {value:.1f}" for name, value in parts.items()) + " GB"


class Batch(NamedTuple):
    """`rows` sequences of `tokens` tokens, of which `learned` in each are learned."""

    rows: int
    tokens: int
    learned: int


def largest_batch(config: TrainingConfig) -> Batch:
    """The largest batch that is expected.

    A sequence of k rows holds their schema once. Its first row is taken to be as long as `max_length`, each further
    one to add a quarter of that (its question and answer); an answer is taken to be an eighth at most. In the bundled
    sample (longest row 552 tokens) a row adds 141 at most and the longest answer has 77. In theory a sequence may be k
    times `max_length` long: should memory run out all the same, training halves its batch.
    """
    more = (config.rows_per_sequence - 1) * MORE_ROW
    learned = config.rows_per_sequence * LEARNED
    return Batch(config.batch_size, round(config.max_length * (1 + more)), round(config.max_length * learned))


def fits(memory: Memory, gpu: Gpu) -> bool:
    """Whether a training of this size has room on the card."""
    return memory.total <= gpu.memory_mb


def predict_memory(
    architecture: Any, config: TrainingConfig, dtype: str, device: Device = "cuda", batch: Batch | None = None
) -> Memory:
    """Predict the memory of a training on one device; of several that share nothing ('ddp') each needs as much.

    All layers are taken to be alike. What FSDP and ZeRO save by cutting a model in pieces is not counted.

    Args:
        architecture: a transformers configuration (AutoConfig) of a causal language model.
        config: the training.
        dtype: precision of weights or computation: 'bfloat16', 'float16' or 'float32'.
        device: 'cuda' computes under autocast and has TRL's fused head, 'cpu' has neither, and no overhead.
        batch: counted instead of `largest_batch`.

    Raises:
        ValueError: `config.target_modules` names no module of the architecture.
    """
    precision: torch.dtype = getattr(torch, dtype)
    batch = batch or largest_batch(config)
    one, two = (_count(architecture, layers, config, precision, device, batch) for layers in (1, 2))
    layers = architecture.num_hidden_layers
    held = {part: one[part] + (layers - 1) * (two[part] - one[part]) for part in one}
    layer = two["activations"] - one["activations"]

    activations = held["activations"]
    if config.activation_checkpointing:  # the input of every layer, and one layer that is computed again
        hidden = batch.rows * batch.tokens * architecture.hidden_size * precision.itemsize
        activations = activations - layers * layer + layer + layers * hidden
    predicted = batch.rows * min(batch.learned, batch.tokens)
    kept_by_head, head = _head(predicted, architecture, precision, device)
    activations += kept_by_head + batch.rows * batch.tokens**2  # the mask
    # A layer's gradients take the place of what they were computed from, but for about half of it.
    moment = max(head, held["decoded"] + layer / 2)
    overhead = CUDA_CONTEXT_MB * 1e6 + FRAGMENTATION * (activations + moment) if device == "cuda" else 0
    parts = (held["weights"], held["adapter"], held["adapter"], held["optimizer"], activations, moment, overhead)
    return Memory(*(part / 1e6 for part in parts))


def predict_answering(architecture: Any, dtype: str, rows: int, tokens: int) -> float:
    """Megabytes of GPU memory that the merged model needs to answer `rows` prompts at once, at most.

    Its weights in `dtype`, keys and values of `tokens` tokens a row (prompt and answer together), and what one layer
    makes of all of them.
    """
    precision: torch.dtype = getattr(torch, dtype)
    one, two = (sum(p.nbytes for p in meta_model(architecture, layers, precision).parameters()) for layers in (1, 2))
    layers = architecture.num_hidden_layers
    heads = getattr(architecture, "num_key_value_heads", None) or architecture.num_attention_heads
    size = getattr(architecture, "head_dim", None) or architecture.hidden_size // architecture.num_attention_heads
    cached = rows * tokens * layers * 2 * heads * size * precision.itemsize
    layer = rows * tokens * 3 * architecture.intermediate_size * precision.itemsize
    weights = one + (layers - 1) * (two - one)
    return CUDA_CONTEXT_MB + (weights + (1 + FRAGMENTATION) * (cached + layer)) / 1e6


def linear_modules(architecture: Any) -> set[str]:
    """Names of the modules that an adapter can be put on, such as 'self_attn.q_proj', without those of the layers."""
    model = meta_model(architecture, 1, torch.bfloat16)
    return {name.split(".0.", 1)[-1] for name, _ in _base_linears(model)}


def meta_model(architecture: Any, layers: int, precision: torch.dtype) -> Any:
    """The model of `architecture` with its first `layers` layers only, without weights."""
    values = architecture.to_dict() | {"num_hidden_layers": layers}
    if values.get("layer_types"):
        values["layer_types"] = values["layer_types"][:layers]
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(
            type(architecture).from_dict(values), dtype=precision, attn_implementation="sdpa"
        )


def _count(
    architecture: Any, layers: int, config: TrainingConfig, precision: torch.dtype, device: Device, batch: Batch
) -> dict[str, float]:
    """Bytes of a model with so many layers; what its head keeps is not in it."""
    model = meta_model(architecture, layers, precision)
    quantized = {id(linear.weight) for _, linear in _base_linears(model)} if config.quantization != "none" else set()
    weights, decoded = 0.0, 0.0
    for parameter in model.parameters():
        if id(parameter) in quantized:
            weights += _quantized_bytes(parameter, config.quantization)
            decoded = max(decoded, parameter.numel() * precision.itemsize)
        else:
            weights += parameter.nbytes

    with torch.device("meta"):
        model = get_peft_model(model, new_adapter(config)).train()
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    # So does TRL, whatever the precision of the rest; but gradients in bfloat16 cannot be scaled, as float16 needs it.
    if quantized and not (device == "cuda" and precision == torch.float16):
        for name, parameter in trained:
            if "lora_magnitude_vector" not in name:
                parameter.data = parameter.data.to(torch.bfloat16)
    lowered = precision if device == "cuda" and precision != torch.float32 else None
    return {
        "weights": weights,
        "adapter": sum(parameter.nbytes for _, parameter in trained),
        "optimizer": sum(_state_bytes(parameter, config.optimizer) for _, parameter in trained),
        "activations": kept_bytes(model, (batch.rows, batch.tokens), quantized, config.quantization, lowered),
        "decoded": decoded,
    }


def _base_linears(model: Any) -> Iterator[tuple[str, torch.nn.Linear]]:
    """The linear layers that are quantised and adapted: all but the head."""
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            yield name, module


def _quantized_bytes(weight: torch.Tensor, quantization: str) -> float:
    """Of a weight of shape (out, in) in int8 with a scale a row, or in NF4 with double quantisation."""
    if quantization == "int8":
        return weight.numel() + 4 * weight.shape[0]
    blocks = -(-weight.numel() // BLOCK_NF4)
    tables = 4 * (16 + 256 + 1)  # NF4's values, those of the scales, and their offset
    return weight.numel() / 2 + blocks + 4 * -(-blocks // BLOCK_ABSMAX) + tables


def _state_bytes(parameter: torch.Tensor, optimizer: str) -> float:
    """Both moments of AdamW: torch keeps them in the parameter's precision, bitsandbytes in 8 bits if it is large."""
    if optimizer == "adamw_torch":
        return 2 * parameter.nbytes
    if parameter.numel() < SMALLEST_8BIT:
        return 2 * 4 * parameter.numel()
    return 2 * (parameter.numel() + 4 * -(-parameter.numel() // BLOCK_8BIT))


def _head(predicted: int, architecture: Any, precision: torch.dtype, device: Device) -> tuple[float, float]:
    """Bytes that the head keeps for the backward pass, and holds for a moment, when it predicts so many tokens."""
    hidden, vocabulary = predicted * architecture.hidden_size, architecture.vocab_size
    if device == "cuda":  # a tile of logits at a time; gradients are summed in float32
        tile = min(predicted, HEAD_TOKENS) * min(vocabulary, HEAD_VOCABULARY) * precision.itemsize
        return hidden * precision.itemsize, tile + hidden * (4 + precision.itemsize)
    logits = 4 * predicted * vocabulary  # in float32: their logarithm, and the gradients of both
    return hidden * precision.itemsize + logits, 2 * logits
