"""A run prints to a pipe that its worker reads; a killed worker reads no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = """
import os, sys
from prefect import flow, get_run_logger
import flows

@flow
def night() -> None:
    print("a line", flush=True)
    sys.stdin.read()  # until the reader is gone
    for _ in range(3):
        get_run_logger().info("goes on")
    with open(sys.argv[1], "w") as file:
        file.write("done")

night()
"""


@pytest.mark.slow
def test_a_run_outlives_the_worker_that_reads_its_log(tmp_path: Path, guarded_env: dict[str, str]) -> None:
    end = tmp_path / "end"
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(end)],
        cwd=ROOT,
        env=guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout is not None and run.stdin is not None
    while run.stdout.readline() != "a line\n":
        pass
    run.stdout.close()
    run.stdin.close()
    assert run.wait(timeout=120) == 0
    assert end.read_text("utf-8") == "done"
