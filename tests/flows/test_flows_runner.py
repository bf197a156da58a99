"""Where the stages run: Prefect's threads unless TEXT2SQL_TASK_RUNNER says otherwise, and what is wrong is one line.

`python -m benchmarks.operations` runs whole nights on both engines, and compares what each stage made.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import types
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ThreadPoolTaskRunner

from benchmarks.operations.servers import one_server
from flows import runner
from flows.compare import compare_models
from flows.evaluation import evaluate_model
from flows.finetune import finetune_model
from flows.improve import improve_model
from flows.nightly import retrain_and_evaluate
from flows.prepare import prepare_data
from tasks.common.errors import InputError, StageError
from tasks.common.process import KilledError, OutOfMemoryError

ROOT = Path(__file__).parents[2]
STAGED = (compare_models, evaluate_model, finetune_model, improve_model, prepare_data, retrain_and_evaluate)


class Asked:
    """Stands for a task: notes how it was asked to run, and in which thread."""

    def __init__(self) -> None:
        self.submitted: list[bool] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, word: str, *, times: int) -> str:
        self.submitted.append(False)
        self.threads.append(threading.current_thread())
        return word * times

    def submit(self, word: str, *, times: int) -> types.SimpleNamespace:
        self.submitted.append(True)
        return types.SimpleNamespace(result=lambda: word * times)


def test_threads_by_default_and_a_stage_runs_where_a_signal_reaches_it() -> None:
    assert all(isinstance(flow.task_runner, ThreadPoolTaskRunner) for flow in STAGED)
    task: Any = Asked()
    assert runner.run(task, "ab", times=2) == "abab"
    assert task.submitted == [False]
    assert task.threads == [threading.current_thread()]


def test_on_another_runner_a_stage_is_submitted_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RUNNER", object())
    task: Any = Asked()
    assert runner.run(task, "ab", times=2) == "abab"
    assert task.submitted == [True]


@pytest.mark.parametrize(
    "asked",
    ["", "Dask", "thread", "threads=4", "dask=", "dask=8786", "dask=ray://a:1", "ray=tcp://a:1", "ray=ray://a:b"],
)
def test_a_wrong_value_names_those_there_are(asked: str) -> None:
    with pytest.raises(InputError, match="is no task runner; known: threads, dask, dask=tcp://HOST:PORT, ray"):
        runner.task_runner(asked)


@pytest.mark.parametrize(("asked", "module"), [("dask", "prefect_dask"), ("ray=ray://a:1", "prefect_ray")])
def test_a_missing_package_is_named(asked: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (module, "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=f"pip install {module.replace('_', '-')}`"):
        runner.task_runner(asked)


@pytest.fixture
def dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if prefect-dask were installed; that starts nothing before a flow does."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    package: Any = types.ModuleType("prefect_dask")
    package.DaskTaskRunner = lambda **settings: settings
    monkeypatch.setitem(sys.modules, "prefect_dask", package)


def test_a_cluster_on_this_machine_or_elsewhere(dask: None) -> None:
    local: Any = runner.task_runner("dask")
    assert local["cluster_kwargs"]["n_workers"] == 1
    there: Any = runner.task_runner("dask=tcp://10.0.0.7:8786")
    assert there == {"address": "tcp://10.0.0.7:8786"}


def test_without_a_server_workers_have_nobody_to_tell(dask: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runner.VARIABLE, "dask")
    with pytest.raises(InputError, match="needs a Prefect server, and PREFECT_API_URL is not set"):
        runner.check_runner()


def test_a_cluster_that_is_not_there(dask: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runner.VARIABLE, "dask=tcp://127.0.0.1:1")
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4200/api"}),
        pytest.raises(InputError, match=r"nobody answers at 127\.0\.0\.1:1: "),
    ):
        runner.check_runner()


@pytest.mark.parametrize("kind", [InputError, StageError, OutOfMemoryError, KilledError])
def test_what_a_stage_says_comes_back_from_another_machine_as_itself(kind: type[Exception]) -> None:
    back = pickle.loads(pickle.dumps(kind("training.epochs: what is wrong")))
    assert (type(back), str(back)) == (kind, "training.epochs: what is wrong")


def test_the_nightly_command_tells_it_in_one_line_before_anything_starts(
    tmp_path: Path, guarded_env: dict[str, str]
) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"store: {tmp_path / 'store'}\n", "utf-8")
    out = subprocess.run(
        [sys.executable, "-m", "flows", "nightly", "--profile", str(profile)],
        cwd=ROOT,
        env=guarded_env | {runner.VARIABLE: "dusk", "PREFECT_HOME": str(tmp_path / "prefect")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (out.returncode, out.stderr.count("\n")) == (2, 1), out.stderr
    assert "TEXT2SQL_TASK_RUNNER: 'dusk' is no task runner" in out.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_empty_tasks_on_a_worker_of_this_machine(kind: str) -> None:
    with (
        TemporaryDirectory(prefix="t2s-") as folder,
        one_server(Path(folder)) as server,
    ):  # short: Ray has sockets in it
        out = subprocess.run(
            [sys.executable, "-m", "benchmarks.operations.empty", "3"],
            cwd=ROOT,
            env={**server.env, runner.VARIABLE: kind},
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert out.returncode == 0, out.stdout + out.stderr
    assert json.loads(out.stdout.splitlines()[-1])["task_ms"] > 0
