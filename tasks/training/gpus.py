"""The cards a profile may name, and what they can hold."""

from __future__ import annotations

from typing import NamedTuple


class Gpu(NamedTuple):
    """A card.

    Attributes:
        memory_mb: what CUDA reports as the card's total memory, in millions of bytes, rounded down; it is less than
            the number on the box where error correction or the driver keeps a part.
        bf16: whether it computes in bfloat16; older cards emulate it, slowly.
        tflops: what its data sheet promises in 16 bits, without sparsity.
    """

    memory_mb: int
    bf16: bool
    tflops: int


GPUS: dict[str, Gpu] = {
    "T4": Gpu(15_600, bf16=False, tflops=65),
    "V100-16": Gpu(16_900, bf16=False, tflops=125),
    "V100-32": Gpu(34_000, bf16=False, tflops=125),
    "A10G": Gpu(23_600, bf16=True, tflops=70),
    "L4": Gpu(23_500, bf16=True, tflops=121),
    "RTX-3090": Gpu(25_300, bf16=True, tflops=71),
    "RTX-4090": Gpu(25_300, bf16=True, tflops=165),
    "L40S": Gpu(47_600, bf16=True, tflops=362),
    "A100-40": Gpu(42_200, bf16=True, tflops=312),
    "A100-80": Gpu(84_900, bf16=True, tflops=312),
    "H100-80": Gpu(84_900, bf16=True, tflops=989),
    "H200": Gpu(150_000, bf16=True, tflops=989),
}
