from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # made and hub_server lie beside the tests

from made import BASE_ID, TOKEN, Made, make_night

from tasks.publishing.compose import compose, read_publication, remember
from tasks.publishing.config import PublishConfig
from tasks.publishing.publication import Publication

CONFIG = PublishConfig(target="hub", repository="me/text2sql", base_model=BASE_ID, license="apache-2.0")


class LocalHub:
    """The server of hub_server.py, its faults and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, str(Path(__file__).with_name("hub_server.py")), str(folder), TOKEN]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def fail(self, *rules: tuple[str, str, str, int]) -> None:
        """Rules are (method, part of the path, what to do, how often)."""
        lines = [dict(zip(("method", "path", "do", "times"), rule, strict=True)) for rule in rules]
        (self.folder / "faults.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    def requests(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        log = self.folder / "requests.jsonl"
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
        return [line for line in lines if path in line["path"] and method in line["method"]]

    def forget(self) -> None:
        (self.folder / "requests.jsonl").unlink(missing_ok=True)

    def head(self, name: str) -> dict[str, Any]:
        head: dict[str, Any] = json.loads((self.folder / name / "head.json").read_text("utf-8"))
        return head

    def tree(self, name: str, revision: str = "main") -> dict[str, Any]:
        head = self.head(name)
        commit = {"main": head["main"], **head["tags"]}[revision]
        tree: dict[str, Any] = json.loads((self.folder / name / "commits" / f"{commit}.json").read_text("utf-8"))
        return tree

    def commits(self, name: str) -> int:
        return len(list((self.folder / name / "commits").iterdir()))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    server = LocalHub(tmp_path / "hub")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # the local server speaks LFS
    monkeypatch.setattr("tasks.publishing.retry.BACKOFF_S", 0.01)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    night = make_night(tmp_path_factory.mktemp("night") / "store")
    remember(night.store, night.challenger, night.refs)
    return night


@pytest.fixture(scope="session")
def config() -> PublishConfig:
    return CONFIG


@pytest.fixture(scope="session")
def publication(made: Made, config: PublishConfig) -> Publication:
    return read_publication(compose(made.challenger, made.refs, config, made.store))
