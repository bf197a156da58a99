"""Training on several devices: what `accelerate` is told, and two processes on the processors of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from driven import data_of, finished, in_this_process, rows_of, start

from benchmarks.training.driver import difference
from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.training.finetune import CONFIGURATIONS, launcher

NAMES = sorted(file.stem for file in CONFIGURATIONS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_accelerate_reads_every_configuration_that_ships(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    file = launcher(name)[-1]
    read = load_config_from_file(file)
    assert read.num_processes == 2
    arguments = launch_command_parser().parse_args(["--config_file", file, "-m", "tasks.training.train", "job.json"])
    arguments, _, _ = _validate_launch_command(arguments)
    expected = {"fsdp": "use_fsdp", "zero2": "use_deepspeed", "zero3": "use_deepspeed"}.get(name, "multi_gpu")
    assert getattr(arguments, expected)
    assert arguments.num_processes == 2


def test_a_configuration_is_one_that_ships_or_a_file(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("num_processes: 4")
    assert launcher(str(own))[-1] == str(own)
    with pytest.raises(InputError, match=r"training\.accelerate: 'dpp' is neither a file nor one of: cpu, ddp, fsdp"):
        launcher("dpp")


@pytest.mark.slow
def test_two_processes_make_the_adapter_of_one_with_twice_the_accumulation(
    two_layers: StageOutput, tmp_path: Path
) -> None:
    """Each takes every other sequence; gradients are averaged over gloo, and weighed by learned tokens, not by rank."""
    data = data_of(rows_of(40), tmp_path / "rows")
    # Three steps, for which both orders by length, that of pairs and that of single sequences, are the same here.
    settings = {"quantization": "none", "max_steps": 3}
    one = in_this_process(two_layers, data, tmp_path / "one", gradient_accumulation=2, **settings)
    two = finished(start(two_layers, data, tmp_path / "two", accelerate="cpu", **settings))
    assert one.counts["steps"] == two.counts["steps"] == 3
    assert one.counts["last_loss"] == pytest.approx(two.counts["last_loss"], rel=1e-4)
    assert difference(one, two) < 1e-5
