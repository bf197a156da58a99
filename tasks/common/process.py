"""Child processes that end with us.

Heavy work runs in them, so that its memory is given back, an out-of-memory kill is a result, and a cancelled
night leaves nothing running.

A child is a module of this project started as `python -m MODULE JOB.json` that runs `as_child(main)`. It
prints ordinary lines, which go to `logs/MODULE.log` beside its output, and progress lines (`tell_progress`).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tasks.common.errors import InputError, StageError
from tasks.common.progress import Progress, silent
from tasks.common.store import LOGS

PROGRESS_MARK = "@progress "
INPUT_ERROR_MARK = "@input-error "
OUT_OF_MEMORY_MARK = "@out-of-memory"  # said in words too, as a launcher between us hides the exit status
VMSTAT = Path("/proc/vmstat")
NO_MEMORY = ("memory allocation of ", "std::bad_alloc")  # how Rust and C++ die of it
TORCH_NO_MEMORY = ("allocate memory", "out of memory")  # on a CPU or for a mapped file; on a GPU
LAUNCHED_AND_KILLED = "died with <Signals.SIGKILL"  # how accelerate's launcher tells it
OUT_OF_MEMORY = 77  # exit status by which a child says that memory ran out


class OutOfMemoryError(StageError):
    """The child, or the kernel for it, said that memory ran out."""


class KilledError(StageError):
    """The child, or one that a launcher started for it, was killed by somebody else."""


def run_module(
    module: str,
    job: Mapping[str, Any],
    folder: Path,
    *,
    deadline_s: float,
    progress: Progress = silent,
    launcher: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Run `python [launcher] -m module job.json` until it ends.

    Args:
        module: dotted name of the module.
        job: what the module is told, written to `folder/logs/<module>.json`.
        folder: the stage's output folder.
        deadline_s: after this many seconds the child and all it started are killed.
        progress: hears the child's `tell_progress`.
        launcher: module and options to start it with, e.g. `("-m", "accelerate.commands.launch")`.
        env: additions to the environment.

    Raises:
        InputError: the child found its input wrong (its own one-line message).
        OutOfMemoryError: memory ran out.
        KilledError: it was killed by somebody else.
        StageError: it failed or its deadline passed; the message ends with its last lines.
    """
    logs = folder / LOGS
    logs.mkdir(parents=True, exist_ok=True)
    name = module.rsplit(".", 1)[-1]
    job_file = logs / f"{name}.json"
    job_file.write_text(json.dumps(job, indent=2, ensure_ascii=False), "utf-8")
    command = [sys.executable, *launcher, "-m", module, str(job_file)]
    kills = _kills_for_memory()
    with (logs / f"{name}.log").open("a", encoding="utf-8") as log:
        child = start(command, env=env)
        too_late = threading.Event()  # set before the child ends, so that its end is not taken for another one

        def end() -> None:
            too_late.set()
            stop(child)

        timer = threading.Timer(deadline_s, end)
        timer.start()
        try:
            assert child.stdout is not None
            tail = _relay(child.stdout, log, progress)
            status = child.wait()
        finally:
            timer.cancel()
            stop(child)
    if too_late.is_set():
        raise StageError(f"{module} did not end within {deadline_s:.0f} s and was stopped")
    if status == 0:
        return
    by_kernel = _kills_for_memory() != kills if kills is not None else status == -signal.SIGKILL
    _raise(module, status, by_kernel, tail, logs / f"{name}.log")


def _kills_for_memory() -> int | None:
    """How many processes the kernel has killed since it started because memory ran out; None where it tells nobody.

    By it such a kill is told from one by hand, and is heard of through a launcher, too.
    """
    with suppress(OSError):
        for line in VMSTAT.read_text("ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


def _raise(module: str, status: int, by_kernel: bool, tail: Sequence[str], log: Path) -> None:
    for line in tail:
        if line.startswith(INPUT_ERROR_MARK):
            raise InputError(line.removeprefix(INPUT_ERROR_MARK))
    native = any(words in line for line in tail for words in NO_MEMORY)
    if status == OUT_OF_MEMORY or OUT_OF_MEMORY_MARK in tail or native or by_kernel:
        raise OutOfMemoryError(f"{module} ran out of memory (exit status {status}); see {log}")
    last = " | ".join(list(tail)[-3:])
    if status < 0 or any(LAUNCHED_AND_KILLED in line for line in tail):
        raise KilledError(f"{module} was killed (exit status {status}): {last} (all of it: {log})")
    raise StageError(f"{module} failed with exit status {status}: {last} (all of it: {log})")


def _relay(stream: IO[str], log: IO[str], progress: Progress) -> deque[str]:
    tail: deque[str] = deque(maxlen=20)
    for raw in stream:
        line = raw.rstrip("\n")
        if line.startswith(PROGRESS_MARK):
            done, total, what = json.loads(line.removeprefix(PROGRESS_MARK))
            progress(done, total, what)
        else:
            log.write(line + "\n")
            log.flush()
            if line.strip():
                tail.append(line)
    return tail


def start(command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command in a process group of its own that dies with the thread that called us (Linux)."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
    )


def stop(child: subprocess.Popen[Any], grace_s: float = 5.0) -> None:
    """End a child and its whole process group, asking first."""
    for sign, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sign)
        try:
            child.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
        with suppress(ProcessLookupError, PermissionError):  # grandchildren that outlived it
            os.killpg(child.pid, signal.SIGKILL)
        return


def die_with_parent() -> None:
    """Called inside a child (Linux): be killed when the thread that started it ends."""
    parent_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def tell_progress(done: int, total: int, what: str) -> None:
    """Called inside a child: how far it is."""
    print(PROGRESS_MARK + json.dumps([done, total, what]), flush=True)


def read_job() -> dict[str, Any]:
    """Called first inside a child: the job it was started with. Ties its life to its starter's."""
    if sys.platform == "linux":
        die_with_parent()  # again here, for the process that a launcher between us started
        if os.getsid(0) not in (os.getpid(), os.getsid(os.getppid())):
            raise SystemExit("who started this process is gone")  # the launcher died before the line above
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    return job


def as_child(main: Callable[[dict[str, Any]], None]) -> None:
    """Called inside a child: do its job; wrong input and spent memory are told to who started it."""
    job = read_job()
    try:
        main(job)
    except InputError as error:
        refuse_input(error)
    except MemoryError:
        give_up_memory()
    except RuntimeError as error:  # torch's, whose own class for it is one of these
        if not any(words in str(error).lower() for words in TORCH_NO_MEMORY):
            raise
        give_up_memory()


def refuse_input(error: InputError) -> None:
    """Called inside a child: end with a one-line message for the user instead of a traceback."""
    print(INPUT_ERROR_MARK + str(error), flush=True)
    raise SystemExit(2)


def give_up_memory() -> None:
    """Called inside a child: end because memory ran out, so that the task can try a smaller batch."""
    print(OUT_OF_MEMORY_MARK, flush=True)
    raise SystemExit(OUT_OF_MEMORY)
