"""Child processes: they say how far they are and why they failed, and nothing of them outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.common.errors import InputError, StageError
from tasks.common.process import OutOfMemoryError, run_module

Run = Callable[..., None]

SLEEPS_WITH_A_CHILD = """
import signal, subprocess, sys, time
from pathlib import Path
from tasks.common.process import read_job
job = read_job()
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
inner = subprocess.Popen([sys.executable, "-c", deaf])
import os
Path(job["pids"] + ".new").write_text(f"{os.getpid()} {inner.pid}")
os.replace(job["pids"] + ".new", job["pids"])
time.sleep(120)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs source code as a child module."""

    def run_source(source: str, job: dict[str, object] | None = None, **options: object) -> None:
        (tmp_path / "child_of_test.py").write_text(source)
        options = {"deadline_s": 60.0, "env": {"PYTHONPATH": str(tmp_path)}, **options}
        run_module("child_of_test", job or {}, tmp_path / "out", **options)  # type: ignore[arg-type]

    return run_source


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int], within_s: float = 5.0) -> bool:
    ends = time.monotonic() + within_s
    while any(alive(pid) for pid in pids):
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_a_child_gets_its_job_tells_progress_and_keeps_a_log(run: Run, tmp_path: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    run(
        "from tasks.common.process import read_job, tell_progress\n"
        "job = read_job()\n"
        "tell_progress(1, 2, 'rows')\n"
        "print('질문', job['question'])\n"
        "tell_progress(2, 2, 'rows')\n",
        {"question": "얼마?"},
        progress=lambda *told: heard.append(told),
    )
    assert heard == [(1, 2, "rows"), (2, 2, "rows")]
    assert (tmp_path / "out" / "logs" / "child_of_test.log").read_text("utf-8") == "질문 얼마?\n"


def test_input_found_wrong_comes_back_as_one_line(run: Run) -> None:
    source = (
        "from tasks.common.errors import InputError\n"
        "from tasks.common.process import refuse_input\n"
        "print('loading')\n"
        "refuse_input(InputError('rows.csv, row 3: no question'))\n"
    )
    with pytest.raises(InputError, match=r"^rows\.csv, row 3: no question$"):
        run(source)


def test_a_failure_ends_with_the_last_lines_and_the_log(run: Run) -> None:
    with pytest.raises(StageError, match=r"exit status 1: .*ValueError: 7 heads.*child_of_test\.log") as told:
        run("raise ValueError('7 heads')")
    assert not isinstance(told.value, OutOfMemoryError)


KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    "source",
    [
        "from tasks.common.process import give_up_memory\ngive_up_memory()",
        "import os\nprint('memory allocation of 3 bytes failed', flush=True)\nos.abort()",
    ],
    ids=["told by the child", "told by a library"],
)
def test_running_out_of_memory_is_a_result_of_its_own(run: Run, source: str) -> None:
    with pytest.raises(OutOfMemoryError, match="ran out of memory"):
        run(source)


@pytest.mark.parametrize("kills", [1, 0], ids=["by the kernel", "by hand"])
def test_a_kill_for_memory_is_told_from_one_by_hand(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 9\noom_kill 4\n")
    monkeypatch.setattr("tasks.common.process.VMSTAT", counters)
    noted = f"from pathlib import Path\nPath({str(counters)!r}).write_text('oom_kill {4 + kills}')\n"
    with pytest.raises(StageError) as told:
        run(noted + KILLED)
    assert isinstance(told.value, OutOfMemoryError) == bool(kills)


def test_without_such_counters_a_kill_is_taken_for_one_for_memory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.common.process.VMSTAT", tmp_path / "nowhere")
    with pytest.raises(OutOfMemoryError):
        run(KILLED)


def test_running_out_of_memory_is_heard_through_a_launcher_with_a_status_of_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "launcher_of_test.py").write_text(LAUNCHES + "sys.exit(1)")
    with pytest.raises(OutOfMemoryError):
        run("from tasks.common.process import give_up_memory\ngive_up_memory()", launcher=("-m", "launcher_of_test"))


@pytest.mark.parametrize("deaf", [False, True], ids=["listens", "ignores SIGTERM"])
def test_a_deadline_is_told_as_such_and_ends_child_and_grandchild(run: Run, tmp_path: Path, deaf: bool) -> None:
    prefix = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else ""
    pids = tmp_path / "pids"
    with pytest.raises(StageError, match="did not end within 2 s") as told:
        run(prefix + SLEEPS_WITH_A_CHILD, {"pids": str(pids)}, deadline_s=2.0)
    assert not isinstance(told.value, OutOfMemoryError)
    assert gone([int(pid) for pid in pids.read_text().split()])


STARTS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
from tasks.common.process import run_module
folder = Path(sys.argv[1])
run_module("child_of_test", {"pids": str(folder / "pids")}, folder / "out", deadline_s=120,
           env={"PYTHONPATH": str(folder)}, launcher=tuple(sys.argv[2:]))
"""
LAUNCHES = """
import subprocess, sys
subprocess.run([sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize("launcher", [(), ("-m", "launcher_of_test")], ids=["alone", "with a launcher between"])
def test_the_child_dies_with_a_starter_that_is_killed(tmp_path: Path, launcher: tuple[str, ...]) -> None:
    (tmp_path / "child_of_test.py").write_text(SLEEPS_WITH_A_CHILD.replace("time.sleep(120)\n", "inner.wait()\n"))
    (tmp_path / "launcher_of_test.py").write_text(LAUNCHES)
    starter = subprocess.Popen([sys.executable, "-c", STARTS, str(tmp_path), *launcher])
    pids = tmp_path / "pids"
    ends = time.monotonic() + 30
    while not pids.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    child, grandchild = (int(pid) for pid in pids.read_text().split())
    try:
        assert alive(child)
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
        assert gone([child])
    finally:
        os.kill(grandchild, signal.SIGKILL)  # plain children of the child are its own to end


def test_a_child_whose_starter_is_killed_before_it_reads_its_job_does_not_begin(tmp_path: Path) -> None:
    """A training process imports for seconds before that."""
    begins = tmp_path / "begins"
    slow = f"import os, time; open({str(begins)!r}, 'w').write(str(os.getpid())); time.sleep(3)\n"
    (tmp_path / "child_of_test.py").write_text(slow + SLEEPS_WITH_A_CHILD)
    (tmp_path / "launcher_of_test.py").write_text(LAUNCHES)
    starter = subprocess.Popen([sys.executable, "-c", STARTS, str(tmp_path), "-m", "launcher_of_test"])
    ends = time.monotonic() + 30
    while not (begins.exists() and begins.read_text()) and time.monotonic() < ends:
        time.sleep(0.05)
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    assert gone([int(begins.read_text())], within_s=15)
    assert not (tmp_path / "pids").exists()


def test_an_interrupted_starter_ends_the_child(tmp_path: Path) -> None:
    (tmp_path / "child_of_test.py").write_text(SLEEPS_WITH_A_CHILD)
    starter = subprocess.Popen([sys.executable, "-c", STARTS, str(tmp_path)], stderr=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    ends = time.monotonic() + 30
    while not pids.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    starter.send_signal(signal.SIGINT)
    assert starter.wait(30) != 0
    assert gone([int(pid) for pid in pids.read_text().split()])
