"""What ends a training before its time, and how it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from driven import data_of, finished, in_this_process, rows_of, start

from benchmarks.training.driver import difference
from tasks.common.store import StageOutput

CHECKPOINTS = "stages/adapter/*.partial/checkpoints/checkpoint-*/trainer_state.json"


def checkpoint_step(state: Path) -> int:
    return int(state.parent.name.removeprefix("checkpoint-"))


def megabytes_of_the_libraries() -> int:
    source = "import tasks.training.train\nprint(open('/proc/self/status').read())"
    told = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmData")) * 1024 // 10**6


@pytest.mark.slow
def test_killed_and_started_again_it_makes_the_adapter_of_an_undisturbed_run(
    two_layers: StageOutput, tmp_path: Path
) -> None:
    data = data_of(rows_of(96), tmp_path / "rows")
    settings = {"checkpoint_every_steps": 4, "lora_dropout": 0.1}
    undisturbed = finished(start(two_layers, data, tmp_path / "undisturbed", **settings))
    steps = undisturbed.counts["steps"]
    assert steps > 4 * settings["checkpoint_every_steps"]

    store = tmp_path / "killed"
    process, out = start(two_layers, data, store, **settings)
    # The second checkpoint or a later one, where it is only seen late: an older one is deleted when the next is whole.
    while max(map(checkpoint_step, store.glob(CHECKPOINTS)), default=0) < 8:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not out.exists()
    resumed = finished(start(two_layers, data, store, **settings))
    log = resumed.file("logs/train.log").read_text()
    assert log.count(f"'epoch': '{1 / steps:.4g}'") == 1, "the first step was taken twice"
    assert log.count("'epoch': '1'") == 2, "its end is told by the last step and the summary"
    assert difference(undisturbed, resumed) == 0
    assert undisturbed.sha256 == resumed.sha256
    assert resumed.counts["steps"] == steps


def test_a_checkpoint_that_a_kill_left_half_written_is_passed_over(tmp_path: Path) -> None:
    from tasks.training.script import last_checkpoint

    assert last_checkpoint(tmp_path) is None
    for step, state in ((9, "{}"), (10, "{}"), (100, '{"global_st'), (101, None)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoints" / "checkpoint-10")


@pytest.mark.slow
def test_without_memory_the_batch_is_halved_and_the_step_stays_the_same(
    two_layers: StageOutput, tmp_path: Path
) -> None:
    data = data_of(rows_of(32, words=40), tmp_path / "rows")
    settings = {"quantization": "none", "rows_per_sequence": 1, "batch_size": 16, "max_steps": 2}
    roomy = in_this_process(two_layers, data, tmp_path / "roomy", **settings)
    # What the libraries take, which depends on the machine, and what is less than sixteen rows need and more than four.
    limit = megabytes_of_the_libraries() + 700
    tight = finished(start(two_layers, data, tmp_path / "tight", megabytes=limit, **settings))
    assert "rows_at_once_after_out_of_memory" not in roomy.counts
    assert int(tight.counts["rows_at_once_after_out_of_memory"]) < 16
    assert tight.counts["steps"] == roomy.counts["steps"] == 2
    assert difference(roomy, tight) < 1e-4


@pytest.mark.slow
def test_when_not_even_one_row_fits_the_end_is_clear_and_leaves_no_adapter(
    two_layers: StageOutput, tmp_path: Path
) -> None:
    data = data_of(rows_of(4, words=20), tmp_path / "rows")
    process, out = start(
        two_layers,
        data,
        tmp_path / "tight",
        megabytes=megabytes_of_the_libraries() + 90,  # the weights alone are 170; with less than 0, OpenBLAS hangs
        rows_per_sequence=1,
        activation_checkpointing=True,
    )
    _, errors = process.communicate()
    assert process.returncode
    assert "training ran out of memory with one row at a time" in errors
    assert not out.exists()
    assert not list((tmp_path / "tight").glob("stages/adapter/*/stage.json"))
