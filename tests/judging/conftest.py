from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.models.base import base_model
from tasks.models.config import ModelConfig

sys.path.insert(0, str(Path(__file__).parent))  # faulty_server and judging_rows lie beside the tests


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.llm.client.BACKOFF_S", 0.02)


@pytest.fixture(scope="session")
def base_model_folder(model_store: Path) -> Path:
    return Path(base_model(ModelConfig(), model_store).path)
