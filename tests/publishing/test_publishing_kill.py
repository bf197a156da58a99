"""kill -9 at every step of upload and promotion: one champion, whole, and a second run finishes the job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import CONFIG, LocalHub
from made import TOKEN, Made

from tasks.common.store import hash_folder
from tasks.models import registry
from tasks.models.records import Model
from tasks.publishing.folder import deliver
from tasks.publishing.publication import Publication, repository_of

ROOT = Path(__file__).parents[2]
RUN = """
import json, os, shutil, signal, sys
from pathlib import Path
from huggingface_hub import constants
from tasks.models import registry
from tasks.publishing.config import PublishConfig
from tasks.publishing.publication import Publication
from tasks.publishing.upload import publish

folder, config, event, part, nth = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
constants.HF_HUB_DISABLE_XET = True
seen = 0

def kill(name, values):
    global seen
    if name == event and any(part in str(value) for value in values):
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
publication = Publication.model_validate_json((folder / "publication.json").read_text("utf-8"))
publish(publication, PublishConfig.model_validate_json(config), os.environ.get("HF_TOKEN"), folder, print)
print("published", flush=True)
registry.promote(folder, "v2", {"decision": "promote"}, "night", "better")
"""
# While the client waits for this answer, or is in the middle of this body, it is killed: (method, path, moment).
ON_THE_WIRE = [
    ("POST", "/api/repos/create", "hang before"),
    ("POST", "/api/repos/create", "hang after"),
    ("POST", "/preupload/", "hang before"),
    ("POST", "/objects/batch", "hang before"),
    ("PUT", "/lfs-put/", "hang half"),
    ("PUT", "/lfs-put/", "hang after"),
    ("POST", "/lfs-verify/", "hang before"),
    ("POST", "/me/text2sql/commit/main", "hang before"),
    ("POST", "/me/text2sql/commit/main", "hang after"),
    ("POST", "/me/text2sql/tag/", "hang before"),
    ("POST", "/me/text2sql/tag/", "hang after"),
]
# Killed by itself when Python is about to do this: (audit event, part of a path, how-manieth).
IN_THE_REGISTRY = [
    ("open", "/registry/.lock", 1),
    ("open", ".aliases.json", 1),  # the new aliases, before they are written
    ("os.rename", "aliases.json", 1),  # written, not yet in place
    ("open", "/registry/versions/v2.json", 2),  # in place
]


@pytest.fixture
def store(made: Made, publication: Publication, tmp_path: Path) -> Path:
    """A store in which v1 is in use and v2 waits, with its publication."""
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "publication.json").write_text(publication.model_dump_json(), "utf-8")
    for version in (made.champion, made.challenger):
        registry.register(folder, Model(**version.model_dump(include=set(Model.model_fields))))
    registry.promote(folder, "v1", {}, "the first night", "nothing was in use before")
    return folder


def start(store: Path, kill: tuple[str, str, int] = ("never", "", 0), config: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(store), config or CONFIG.model_dump_json(), *map(str, kill)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def check_champion(store: Path, may_be: set[str]) -> str:
    """Exactly one champion, whose files are those that were registered."""
    champion = registry.champion(store)
    assert champion is not None and champion.version in may_be
    assert hash_folder(Path(champion.path)) == champion.sha256
    assert champion.available
    return champion.version


def check_finished(hub: LocalHub, publication: Publication, store: Path) -> None:
    child = start(store)
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0, said
    assert TOKEN not in said
    check_champion(store, {"v2"})
    assert len(registry.read_aliases(store).history) == 2
    for kind, files in publication.repositories.items():
        name = repository_of(CONFIG.repository, kind)
        tree = hub.tree(name, "v2")
        assert tree == hub.tree(name)
        assert tree.keys() - {".gitattributes"} == {file.path for file in files}
        assert hub.commits(name) == 2


@pytest.mark.parametrize(("method", "path", "moment"), ON_THE_WIRE)
def test_killed_on_the_wire(
    hub: LocalHub, publication: Publication, store: Path, method: str, path: str, moment: str
) -> None:
    hub.fail((method, path, moment, 1))
    child = start(store)
    ends = time.monotonic() + 60
    while not any(one.get("hangs") for one in hub.requests()):
        assert child.poll() is None and time.monotonic() < ends, child.stdout and child.stdout.read()
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    check_champion(store, {"v1"})  # an upload that is not finished is no promotion
    check_finished(hub, publication, store)


@pytest.mark.parametrize("kill", IN_THE_REGISTRY, ids=lambda kill: f"{kill[0]} {kill[1]}")
def test_killed_in_the_registry(
    hub: LocalHub, publication: Publication, store: Path, kill: tuple[str, str, int]
) -> None:
    child = start(store, kill)
    said, _ = child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL, said
    assert "published" in said
    check_champion(store, {"v1", "v2"})
    check_finished(hub, publication, store)


# A folder: (audit event, part of a path, how-manieth).
IN_A_FOLDER = [
    ("open", "v2.partial/README.md", 1),
    ("open", "v2.partial/model.safetensors", 1),
    ("open", "v2.partial/SHA256SUMS", 1),
    ("os.rename", "v2.partial", 1),
    ("os.rename", "v2.partial", 2),
]


@pytest.mark.parametrize("kill", IN_A_FOLDER, ids=lambda kill: f"{kill[1]} {kill[2]}")
def test_killed_while_writing_to_a_folder(
    publication: Publication, store: Path, tmp_path: Path, kill: tuple[str, str, int]
) -> None:
    config = CONFIG.model_copy(update={"target": str(tmp_path / "out"), "repository": "text2sql"})
    child = start(store, kill, config.model_dump_json())
    child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL
    check_champion(store, {"v1"})
    assert not (tmp_path / "out" / "text2sql" / "v2").exists()
    child = start(store, config=config.model_dump_json())
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0, said
    check_champion(store, {"v2"})
    for kind, files in publication.repositories.items():
        folder = tmp_path / "out" / repository_of("text2sql", kind)
        assert [one.name for one in folder.iterdir()] == ["v2"]
        done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder / "v2", check=False)
        assert done.returncode == 0
        assert len([one for one in (folder / "v2").rglob("*") if one.is_file()]) == len(files)


def test_an_object_store_has_the_sums_last_and_takes_no_file_twice(publication: Publication) -> None:
    told: list[int] = []
    files = publication.repositories["merged"]
    for _ in range(2):
        place = deliver(
            "memory://models", "text2sql", files, "v2", tell=print, progress=lambda done, total, what: told.append(done)
        )
    assert place == "memory:///models/text2sql/v2"
    assert len(told) == len(files)  # the second call only looked
