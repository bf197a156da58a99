"""The embedded server: it is told why it does not come up, and it ends with the run that it was started for."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]


def command(folder: Path) -> list[str]:
    profile = folder / "profile.yaml"
    profile.write_text(f"store: {folder / 'store'}\n")
    return [sys.executable, "-m", "flows", "nightly", "--profile", str(profile)]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_run(sign: signal.Signals, tmp_path: Path, guarded_env: dict[str, str]) -> None:
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect")}
    with (
        (tmp_path / "night.log").open("wb") as log,
        subprocess.Popen(command(tmp_path), cwd=ROOT, env=env, stdout=log, stderr=log) as night,
    ):
        servers: list[psutil.Process] = []
        while not (servers and (tmp_path / "prefect" / "prefect.db").exists()):
            assert night.poll() is None, (tmp_path / "night.log").read_text()
            servers = [child for child in psutil.Process(night.pid).children() if "flows.embedded" in child.cmdline()]
        night.send_signal(sign)
        assert night.wait(60) != 0
        assert psutil.wait_procs(servers, timeout=10)[1] == []


def test_without_it_nothing_starts_and_one_line_says_so(tmp_path: Path, guarded_env: dict[str, str]) -> None:
    home = tmp_path / "prefect"
    home.mkdir()
    (home / "prefect.db").write_text("no database, but some text of somebody")
    env = guarded_env | {"PREFECT_HOME": str(home)}
    out = subprocess.run(command(tmp_path), cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert out.returncode == 1, out.stdout + out.stderr
    said = "error: Prefect's embedded server ended with exit status 3; it said why above"
    assert out.stderr.splitlines()[-1] == said
    assert "file is not a database" in out.stderr
    assert not (tmp_path / "store" / "stages").exists()


def test_a_configured_server_is_used_and_none_started(tmp_path: Path, guarded_env: dict[str, str]) -> None:
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    out = subprocess.run(command(tmp_path), cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert out.returncode == 1, out.stdout + out.stderr
    assert out.stderr.startswith("error: no Prefect server answers at http://127.0.0.1:9/api (")
    assert not (tmp_path / "prefect" / "prefect.db").exists()


def test_how_its_tasks_ended_is_filed_before_it_is_stopped(tmp_path: Path, guarded_env: dict[str, str]) -> None:
    env = guarded_env | {"PREFECT_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "benchmarks.operations.empty", "20"], cwd=ROOT, env=env, check=True)
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as database:
        found = database.execute("SELECT state_type, count(*) FROM task_run GROUP BY 1").fetchall()
    assert found == [("COMPLETED", 21)]


@pytest.mark.parametrize("name", ["synthesize", "clean"])
def test_a_flow_without_a_profile_is_found_by_its_name(name: str, tmp_path: Path, guarded_env: dict[str, str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text({"synthesize": "{}", "clean": "source: {kind: bundled}"}[name])
    env = guarded_env | {"PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    started = [sys.executable, "-m", "flows", name, str(config)]
    out = subprocess.run(started, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert (out.returncode, out.stderr.count("\n")) == (1, 1), out.stderr
    assert out.stderr.startswith("error: no Prefect server answers at ")
