"""The stage store: made once, whole or not at all, and again when anything that decides it changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.common import store as stores
from tasks.common.store import Counts, StageOutput, hash_folder, run_stage, write_atomically


def write(folder: Path) -> Counts:
    (folder / "rows.txt").write_text("one\ntwo\n")
    return {"rows": 2}


def made(store: Path, build=write, seed: int = 1, resume: bool = False) -> StageOutput:  # type: ignore[no-untyped-def]
    return run_stage(store, "demo", inputs={"seed": seed}, code=["tasks.common"], build=build, resume=resume)


def test_an_output_is_made_once_and_then_reused(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert (first.reused, first.counts) == (False, {"rows": 2})
    assert first.file("rows.txt").read_text() == "one\ntwo\n"

    def forbidden(folder: Path) -> Counts:
        raise AssertionError("made twice")

    again = made(tmp_path, forbidden)
    assert again.reused
    assert again.model_copy(update={"reused": False}) == first


def test_other_inputs_make_another_output(tmp_path: Path) -> None:
    assert made(tmp_path).key != made(tmp_path, seed=2).key
    assert len([p for p in (tmp_path / "stages" / "demo").iterdir() if p.is_dir()]) == 2


def test_a_failed_build_leaves_no_output_and_the_next_begins_clean(tmp_path: Path) -> None:
    def fails(folder: Path) -> Counts:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        made(tmp_path, fails)
    output = made(tmp_path)
    assert sorted(p.name for p in Path(output.path).iterdir()) == ["rows.txt", "stage.json"]


def test_a_resuming_build_finds_what_the_last_one_left(tmp_path: Path) -> None:
    def fails(folder: Path) -> Counts:
        (folder / "checkpoint").write_text("step 50")
        raise RuntimeError("killed")

    def goes_on(folder: Path) -> Counts:
        return {"resumed_from": (folder / "checkpoint").read_text()}

    with pytest.raises(RuntimeError):
        made(tmp_path, fails, resume=True)
    assert made(tmp_path, goes_on, resume=True).counts == {"resumed_from": "step 50"}


KILLED = """
import sys, time
from pathlib import Path
from tasks.common.store import run_stage

def build(folder):
    (folder / "half.txt").write_text("half")
    print("building", flush=True)
    time.sleep(60)

run_stage(Path(sys.argv[1]), "demo", inputs={"seed": 1}, code=["tasks.common"], build=build)
"""


def test_kill_9_while_building_leaves_no_half_output_and_no_lock(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "building\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    folders = [p for p in (tmp_path / "stages" / "demo").iterdir() if p.is_dir()]
    assert [p.suffix for p in folders] == [".partial"]
    output = made(tmp_path)
    assert not output.reused
    assert not output.file("half.txt").exists()


AT_ONCE = """
import os, sys, time
from pathlib import Path
from tasks.common.store import run_stage

def build(folder):
    with Path(sys.argv[1], "builds").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(0.5)
    (folder / "rows.txt").write_text("rows")
    return {"by": os.getpid()}

output = run_stage(Path(sys.argv[1]), "demo", inputs={"seed": 1}, code=["tasks.common"], build=build)
print(output.counts["by"])
"""


def test_two_processes_at_once_make_it_once_and_both_get_it(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", AT_ONCE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {child.communicate(timeout=60)[0] for child in children}
    builds = (tmp_path / "builds").read_text().split()
    assert len(builds) == 1
    assert answers == {f"{builds[0]}\n"}


def test_changed_source_changes_the_key_but_a_changed_door_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "someroom"
    (room / "templates").mkdir(parents=True)
    for name in ("__init__.py", "work.py", "task.py", "templates/korean.txt"):
        (room / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def version() -> str:
        stores.code_version.cache_clear()
        return stores.code_version(("someroom",))

    seen = [version()]
    (room / "task.py").write_text("# logs more\n")
    assert version() == seen[0]
    for name in ("work.py", "templates/korean.txt", "__init__.py"):
        (room / name).write_text("# changed\n")
        seen.append(version())
    assert len(set(seen)) == 4
    assert stores.code_version(("someroom.work",)) != stores.code_version(("someroom",))


def test_a_package_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="no source for nosuchroom"):
        stores.code_version(("nosuchroom",))


def test_the_content_hash_covers_names_and_bytes_but_no_logs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "a").write_text("1")
    seen = [hash_folder(tmp_path)]
    (tmp_path / "logs" / "time.log").write_text("12:00")
    (tmp_path / "stage.json").write_text("{}")
    assert hash_folder(tmp_path) == seen[0]
    (tmp_path / "a").write_text("2")
    seen.append(hash_folder(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    seen.append(hash_folder(tmp_path))
    assert len(set(seen)) == 3


def test_the_manifest_says_what_went_in(tmp_path: Path) -> None:
    output = made(tmp_path, seed=9)
    manifest = json.loads(output.file("stage.json").read_text())
    assert manifest["inputs"] == {"stage": "demo", "seed": 9}
    assert manifest["sha256"] == output.sha256 == hash_folder(Path(output.path))


WRITES = """
import sys
from pathlib import Path
from tasks.common.store import write_atomically
print("ready", flush=True)
for n in range(10**9):
    write_atomically(Path(sys.argv[1]), f"{n % 10}" * 200_000)
"""


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file.txt"
    write_atomically(file, "0" * 200_000)
    child = subprocess.Popen([sys.executable, "-c", WRITES, str(file)], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline()
    ends = time.monotonic() + 0.5
    seen = set()
    while time.monotonic() < ends:
        text = file.read_text()
        seen.add((len(text), len(set(text))))
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert seen == {(200_000, 1)}
    text = file.read_text()
    assert (len(text), len(set(text))) == (200_000, 1)
