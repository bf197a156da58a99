"""The judge without a key: the real server with the real small model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from judging_rows import make_rows, settings

from tasks.common.errors import StageError
from tasks.common.store import StageOutput
from tasks.judging.endpoint import choose_endpoint
from tasks.judging.local_server import serve_model
from tasks.judging.verdicts import make_verdicts

pytestmark = pytest.mark.slow


def servers(model: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "serve" in line and model in line:
            found.append(process)
    return found


def test_the_small_model_judges_and_its_server_is_gone_afterwards(
    tmp_path: Path, base_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # a proxy is for the outside, not for our server
    make_rows(2).rename(columns={"gold": "answer"}).drop(columns="sql").assign(
        language="en", complexity="aggregation"
    ).to_parquet(tmp_path / "eval.parquet")
    make_rows(2)[["example_id", "sql"]].to_parquet(tmp_path / "predictions.parquet")
    data = StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)
    model = data.model_copy(update={"stage": "base_model", "path": str(base_model_folder), "sha256": "m" * 64})
    made = make_verdicts(
        data, data, data, settings(rows=2), choose_endpoint(settings(), None, model), tmp_path / "store"
    )
    table = pd.read_parquet(made.file("verdicts.parquet"))
    assert set(table["verdict"]) <= {"yes", "no", "unjudged"}
    assert (table["prompt_tokens"] > 100).all() and (table["completion_tokens"] > 0).all()
    assert (made.counts["judge"], made.counts["asked"]) == ("local model mmmmmmmm", 2)
    assert "POST /v1/chat/completions" in made.file("logs/local_judge.log").read_text("utf-8")
    assert servers(str(base_model_folder)) == []


def test_the_server_dies_with_the_process_that_was_killed(tmp_path: Path, base_model_folder: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tasks.judging.local_server import serve_model\n"
        "with serve_model(Path(sys.argv[1]), Path(sys.argv[2])) as url: print(url, flush=True); time.sleep(600)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(base_model_folder), str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline().startswith("http://127.0.0.1:")
    (server,) = servers(str(base_model_folder))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    deadline = time.monotonic() + 10
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


def test_a_folder_without_a_model_is_told_with_the_servers_last_line(tmp_path: Path) -> None:
    with (
        pytest.raises(StageError, match="the local judge ended with exit status"),
        serve_model(tmp_path, tmp_path / "log"),
    ):
        pass
