"""Retention: old files go, records stay, and nothing that has an alias is ever touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.store import hash_folder
from tasks.models import registry
from tasks.models.records import Lineage, Model
from tasks.models.retention import retire


def tuned(store: Path, number: int, adapter: str | None = None) -> str:
    """A version with a merged model and an adapter in the store's stages."""
    merged = store / "stages" / "merged_model" / f"m{number}"
    trained = store / "stages" / "adapter" / (adapter or f"a{number}")
    for folder, file in ((merged, "config.json"), (trained, "adapter_config.json")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(str(number))
    model = Model(
        label="tuned",
        kind="merged",
        path=str(merged),
        sha256=hash_folder(merged),
        prompt_sha256="p",
        lineage=Lineage(base="b", adapter=trained.name),
    )
    return registry.register(store, model).version


def kept(store: Path) -> list[str]:
    return [v.version for v in registry.versions(store) if v.available]


def test_the_newest_and_the_named_stay_and_every_record_does(tmp_path: Path) -> None:
    for number in range(1, 10):
        tuned(tmp_path, number)
    for version in ("v1", "v2", "v3"):
        registry.promote(tmp_path, version, {}, by="ann", why="better")
    registry.challenge(tmp_path, "v5")
    assert retire(tmp_path, keep=2) == ["v1", "v4", "v6", "v7"]
    assert kept(tmp_path) == ["v2", "v3", "v5", "v8", "v9"]
    assert len(registry.versions(tmp_path)) == 9
    assert sorted(f.name for f in (tmp_path / "stages" / "adapter").iterdir()) == ["a2", "a3", "a5", "a8", "a9"]
    assert retire(tmp_path, keep=2) == []
    assert registry.roll_back(tmp_path, by="ann", why="worse").version == "v2"
    with pytest.raises(InputError, match=r"the files of v1 \(tuned\) are gone"):
        registry.roll_back(tmp_path, by="ann", why="still worse")


def test_an_adapter_that_a_kept_version_came_from_stays(tmp_path: Path) -> None:
    tuned(tmp_path, 1, adapter="shared")
    tuned(tmp_path, 2, adapter="shared")
    assert retire(tmp_path, keep=1) == ["v1"]
    assert (tmp_path / "stages" / "adapter" / "shared").is_dir()


def test_files_outside_the_store_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "mine"
    outside.mkdir()
    (outside / "config.json").write_text("{}")
    store = tmp_path / "store"
    model = Model(label="x", kind="merged", path=str(outside), sha256="x", prompt_sha256="p", lineage=Lineage(base="b"))
    registry.register(store, model)
    tuned(store, 2)
    retire(store, keep=1)
    assert (outside / "config.json").is_file()


RETIRES = """
import os, shutil, signal, sys
from pathlib import Path
from tasks.models import retention
calls, store = int(sys.argv[1]), Path(sys.argv[2])
def killed(inner):
    def call(*args):
        global calls
        calls -= 1
        if calls < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(*args)
    return call
shutil.rmtree, Path.rename = killed(shutil.rmtree), killed(Path.rename)
retention.retire(store, 1)
"""


@pytest.mark.parametrize("step", range(8))
def test_kill_9_at_any_step_leaves_whole_models_only_and_the_next_run_ends_it(tmp_path: Path, step: int) -> None:
    for number in range(1, 4):
        tuned(tmp_path, number)
    child = subprocess.run([sys.executable, "-c", RETIRES, str(step), str(tmp_path)], env=dict(os.environ), check=False)
    assert child.returncode == -signal.SIGKILL
    for version in registry.versions(tmp_path):
        if version.available:
            registry.check_files(version)
    retire(tmp_path, keep=1)
    assert kept(tmp_path) == ["v3"]
    assert sorted(f.name for f in (tmp_path / "stages").glob("*/*")) == ["a3", "m3"]
