"""What the docs quote is there: error texts in the code, files, commands of make, links."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "docs" / f"{name}.md" for name in ("gpu", "production", "security", "troubleshooting")]
OURS = {
    "Installing and starting",
    "Data",
    "Training and answering",
    "The judge and other APIs",
    "Registry and publishing",
}
ELSEWHERE = {"Python 3.11 or 3.12 is needed"}  # make says it


def texts_of(source: str) -> Iterator[str]:
    """The pieces of text that a module holds; a formatted one is cut where values are filled in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def missing(quoted: str, texts: str) -> list[str]:
    """Pieces of a quoted error that nothing in the code says."""
    pieces = [piece.strip() for piece in re.split(r"…+", quoted)]
    return [piece for piece in pieces if len(piece) > 3 and piece not in texts]


@pytest.fixture(scope="module")
def said() -> str:
    files = [path for folder in ("tasks", "flows", "deployments") for path in (ROOT / folder).rglob("*.py")]
    spec = importlib.util.find_spec("prefect.cli")
    assert spec is not None and spec.origin is not None
    files.append(Path(spec.origin).with_name("_server_utils.py"))
    return "\n".join(text for path in files for text in texts_of(path.read_text("utf-8")))


def quoted_errors() -> list[str]:
    """First cells of the tables whose errors are ours, and those of Prefect that are sentences."""
    found = []
    for chapter in (ROOT / "docs" / "troubleshooting.md").read_text("utf-8").split("\n## ")[1:]:
        title, _, body = chapter.partition("\n")
        for row in re.findall(r"^\| (.+?) \| .+ \| .+ \|$", body, re.M)[1:]:
            spans = [span for span in re.findall(r"`([^`]+)`", row) if " " in span]
            if title in OURS or (title == "Prefect" and ("server" in row or "Multi-worker" in row)):
                found += spans
    return sorted(set(found) - ELSEWHERE)


def test_every_error_of_the_troubleshooting_page_is_said_somewhere(said: str) -> None:
    errors = quoted_errors()
    assert len(errors) > 50
    assert {error: gone for error in errors if (gone := missing(error, said))} == {}


def test_an_error_that_nobody_says_any_more_is_found(said: str) -> None:
    assert missing("store: '…' cannot be used as a cupboard: …", said) == ["' cannot be used as a cupboard:"]


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_files_links_and_targets_of_make_are_there(path: Path) -> None:
    text = path.read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (path.parent / link).exists()]
    named = re.findall(r"`((?:tasks|flows|tests|deployments|benchmarks)/[\w./-]+)`", text)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    used = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^make ([a-z-]+)", text, re.M))
    assert links == []
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert used - targets == set()
