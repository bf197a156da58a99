"""What all tests share: nothing reports to anybody, nothing is written in the user's home, live means live."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from benchmarks import small_model
from tasks.common.store import StageOutput

# Before anything imports prefect, which reads its settings once.
_prefect_home = tempfile.mkdtemp(prefix="t2s-prefect-")
atexit.register(shutil.rmtree, _prefect_home, ignore_errors=True)
os.environ.update(
    DO_NOT_TRACK="1",
    GX_ANALYTICS_ENABLED="false",
    HF_DATASETS_CACHE=str(Path(_prefect_home) / "datasets"),
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    PREFECT_HOME=_prefect_home,
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    PREFECT_SERVER_UI_V2_ENABLED="false",
    TOKENIZERS_PARALLELISM="false",
)
os.environ.pop("PREFECT_API_URL", None)
os.environ.pop("PREFECT_PROFILE", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):  # type: ignore[no-untyped-def]
    """With T2S_REQUIRE_LIVE=1 a live test that skips, because its server is missing, has failed."""
    report = yield
    if report.skipped and item.get_closest_marker("live") and os.environ.get("T2S_REQUIRE_LIVE") == "1":
        report.outcome = "failed"
        report.longrepr = f"T2S_REQUIRE_LIVE=1, yet this live test did not run: {call.excinfo.value}"
    return report


@pytest.fixture
def guarded_env(tmp_path: Path) -> dict[str, str]:
    """An environment for a child process in which reaching another machine fails and is noted.

    `T2S_OUTSIDE_LOG` in it names the file of the notes; no file means no attempt.
    """
    guard = Path(__file__).parent / "faults" / "no_outside"
    path = os.pathsep.join(filter(None, [str(guard), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "T2S_OUTSIDE_LOG": str(tmp_path / "outside.jsonl")}


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store shared by all tests that run the real model, so that its weights are converted once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def two_layers(model_store: Path) -> StageOutput:
    """The first two layers of the bundled model: what it says is nonsense, but all that computes it is there."""
    return small_model.two_layers(model_store)
