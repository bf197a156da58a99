"""What a forward pass keeps for the backward one, counted on torch's meta device as if it were a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch.overrides import TorchFunctionMode


def kept_bytes(
    model: Any,
    shape: tuple[int, int],
    quantized: set[int],
    quantization: str,
    lowered: torch.dtype | None,
) -> float:
    """Bytes that a forward pass of a model on the meta device, its head apart, keeps for the backward pass.

    Args:
        model: with its adapter.
        shape: sequences, tokens of each.
        quantized: `id` of the weights that are.
        quantization: how they are.
        lowered: the precision of autocast; None where there is none.
    """
    rows, tokens = shape
    inputs = {
        "input_ids": torch.zeros(shape, dtype=torch.long, device="meta"),
        "position_ids": torch.zeros(shape, dtype=torch.long, device="meta"),
        "attention_mask": torch.ones((rows, 1, tokens, tokens), dtype=torch.bool, device="meta"),
    }
    # Storages are told apart by identity, as all of them are at address 0; they are held so that none is used again.
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers(), *inputs.values())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    def keep_input(_: Any, args: tuple[torch.Tensor, ...]) -> None:
        keep(args[0])

    if quantization == "int8":  # bitsandbytes holds on to the input of its layers
        for module in model.modules():
            if isinstance(module, torch.nn.Linear) and id(module.weight) in quantized:
                module.register_forward_pre_hook(keep_input)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        _autocast(lowered is not None),
        _AsOnDevice(lowered, quantized),
    ):
        model.get_base_model().base_model(**inputs, use_cache=False)
    return sum(storage.nbytes() for storage in kept.values())


@contextmanager
def _autocast(on: bool) -> Iterator[None]:
    """Have peft believe in autocast, which torch refuses to switch on without a GPU."""
    before = torch.is_autocast_enabled("cuda")
    torch.set_autocast_enabled("cuda", on)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", before)


class _AsOnDevice(TorchFunctionMode):
    """Has the meta device keep what a real one keeps.

    Attention keeps its inputs, its output and a number for each query, as the flash and memory-efficient kernels do;
    the meta device would take the way that keeps matrices of length × length for each head. Under autocast matrices
    are multiplied in `precision` and norms and powers computed in float32, as torch does on a GPU; a quantised layer
    answers in the precision it was asked in.
    """

    def __init__(self, precision: torch.dtype | None, quantized: set[int]) -> None:
        super().__init__()
        self.precision, self.quantized = precision, quantized

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            query, key, value = (self._low(tensor) for tensor in args[:3])
            return _Attention.apply(query, key, value, kwargs.get("attn_mask"))
        if self.precision is None:
            return func(*args, **kwargs)
        if func is F.linear:
            answer = func(*(self._low(tensor) for tensor in args), **kwargs)
            return answer.to(args[0].dtype) if id(args[1]) in self.quantized else answer
        if func in (F.layer_norm, torch.pow, torch.Tensor.pow, torch.rsqrt):
            return func(*(_in(torch.float32, tensor) for tensor in args), **kwargs)
        return func(*args, **kwargs)

    def _low(self, tensor: Any) -> Any:
        return tensor if self.precision is None else _in(self.precision, tensor)


def _in(precision: torch.dtype, value: Any) -> Any:
    return value.to(precision) if isinstance(value, torch.Tensor) and value.is_floating_point() else value


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
        """Shapes (batch, heads, length, size), mask (batch, 1, length, length), which every layer copies as numbers."""
        rows, heads, length, _ = query.shape
        # The kernels write (batch, length, heads, size), so that what follows needs no copy.
        answer = query.new_empty((rows, length, heads, value.shape[-1])).transpose(1, 2)
        normaliser = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, answer, normaliser, mask.to(query.dtype))
        return answer
