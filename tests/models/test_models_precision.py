"""The precision is what torch would choose, and torch is not loaded for it in vain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.models.precision import GPU_DRIVERS, asked_of_torch, best_precision


def test_it_is_what_torch_would_choose() -> None:
    assert best_precision() == asked_of_torch()


@pytest.mark.skipif(any(Path(driver).exists() for driver in GPU_DRIVERS), reason="with a GPU, torch is asked")
def test_without_a_gpu_torch_is_not_loaded() -> None:
    code = "import sys; from tasks.models.config import ModelConfig; ModelConfig().precision; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "torch" not in out.stdout.split()
