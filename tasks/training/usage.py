"""What a training holds and how fast it is, counted while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from transformers import TrainerCallback

from tasks.training.gpus import Gpu


class Usage(TrainerCallback):
    """Counts tokens, and once, in the first step, the memory of its parts; the longest sequences come first."""

    def __init__(self) -> None:
        self.tokens = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._activations: int | None = None
        self._gradients: int | None = None

    def watch(self, trainer: Any) -> None:
        """Look at the forward passes of a trainer."""
        compute = trainer.compute_loss

        def watched(model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            if not model.training:
                return compute(model, inputs, *args, **kwargs)
            tokens = ("input_ids", "prompt_ids", "completion_ids")
            self.tokens += sum(inputs[name].numel() for name in tokens if name in inputs)
            with self._kept(model) if self._activations is None else nullcontext():
                return compute(model, inputs, *args, **kwargs)

        trainer.compute_loss = watched

    @contextmanager
    def _kept(self, model: Any) -> Iterator[None]:
        own = _storages([*model.parameters(), *model.buffers()])
        kept: dict[int, int] = {}  # addresses differ, as all of it is alive until the backward pass

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            kept.update({at: size for at, size in _storages([tensor]).items() if at not in own})
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            yield
        self._activations = sum(kept.values())

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clocks."""
        self._began, self._cpu_began = time.monotonic(), time.process_time()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """When the gradients of a step are there."""
        if self._gradients is None:
            self._gradients = sum(_storages(p.grad for p in kwargs["model"].parameters()).values())

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clocks."""
        self.seconds = time.monotonic() - self._began
        self.cpu_seconds = time.process_time() - self._cpu_began

    def megabytes(self, model: Any, optimizer: Any) -> dict[str, float]:
        """The parts of `tasks.training.memory.Memory` that can be counted, in millions of bytes."""
        frozen = [p for p in model.parameters() if not p.requires_grad]
        trained = [p for p in model.parameters() if p.requires_grad]
        states = [vars(state) for p in frozen if (state := getattr(p, "quant_state", None)) is not None]
        nested = [vars(state["state2"]) for state in states if state.get("state2") is not None]
        moments = [t for state in optimizer.state.values() for t in _tensors_in(state)]
        parts = {
            "weights": _total([*frozen, *_tensors_in(states), *_tensors_in(nested)]),
            "adapter": _total(trained),
            "gradients": self._gradients or 0,
            "optimizer": _total(moments),
            "activations": self._activations or 0,
        }
        return {name: round(size / 1e6, 1) for name, size in parts.items()}

    def speed(self, model: Any, gpu: Gpu | None) -> dict[str, float]:
        """Tokens a second, padding included, the arithmetic they took, and what share of the machine that is.

        Arithmetic: two passes through the frozen weights. Its share is of what the card `gpu` promises; on a CPU it is
        the share of the time for which its threads computed.
        """
        rate = self.tokens / self.seconds
        weights = model.get_base_model().num_parameters(exclude_embeddings=True)
        tflops = 4 * weights * rate / 1e12
        told = {"tokens_per_s": round(rate, 1), "tflops": round(tflops, 4)}
        if not torch.cuda.is_available():
            told["utilisation"] = round(self.cpu_seconds / self.seconds / torch.get_num_threads(), 3)
        elif gpu:
            told["utilisation"] = round(tflops / gpu.tflops, 3)
        return told


def _total(tensors: Iterable[torch.Tensor]) -> int:
    return sum(_storages(tensors).values())


def _storages(tensors: Iterable[torch.Tensor | None]) -> dict[int, int]:
    """Bytes of each distinct storage, by its address."""
    found = [tensor.untyped_storage() for tensor in tensors if tensor is not None]
    return {storage.data_ptr(): storage.nbytes() for storage in found}


def _tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for one in inner for tensor in _tensors_in(one)]
