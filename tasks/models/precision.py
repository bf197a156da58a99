"""Which precision this machine computes fast in."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pyarrow

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # on Linux: NVIDIA's, AMD's, and what passes one to WSL


@cache
def best_precision() -> str:
    """'bfloat16' where a GPU or the CPU computes in it, else 'float16' on a GPU and 'float32' on a CPU.

    A CPU without AVX-512 multiplies bfloat16 matrices up to eighty times more slowly than float32 ones. Where there
    can be no GPU, torch is not asked: the flow's process, which needs it for nothing else, would load it for seconds.
    """
    if sys.platform == "linux" and not any(Path(driver).exists() for driver in GPU_DRIVERS):
        return "bfloat16" if pyarrow.runtime_info().simd_level == "avx512" else "float32"
    return asked_of_torch()


def asked_of_torch() -> str:
    """The same, from what torch finds of a GPU and of the CPU."""
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return "bfloat16" if torch.backends.cpu.get_cpu_capability() == "AVX512" else "float32"
