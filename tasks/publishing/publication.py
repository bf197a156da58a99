"""What is published of a version: for each repository its files, where they lie and what their hashes are.

    text2sql/               merged model, tokenizer, prompt, generation config, card, plots
    text2sql-adapter/       adapter, tokenizer, prompt, generation config, card

Nothing is copied: weights are read from the store where they lie. What is written new (cards, plots, configs) is
kept as the stage `publication`. Each repository ends with SHA256SUMS, which `sha256sum -c` checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tasks.common.errors import StageError

FILE = "publication.json"
SUMS = "SHA256SUMS"
ADAPTER_SUFFIX = "-adapter"

Kind = Literal["merged", "adapter"]


class PublishedFile(BaseModel):
    """One file: `path` in the repository, `source` on this machine, `size` in bytes."""

    model_config = ConfigDict(frozen=True)

    path: str
    source: str
    size: int
    sha256: str

    def check(self) -> None:
        """Refuse to send a file that is not the one that was measured.

        Raises:
            StageError: it changed since the publication was put together.
        """
        if not Path(self.source).is_file() or sha256_of(Path(self.source)) != self.sha256:
            raise StageError(f"publish: {self.source} is gone or not the file that was measured")


class Publication(BaseModel):
    """All that is published of a version; the files of a repository end with SHA256SUMS.

    A file whose `source` is no absolute path lies in the stage.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    license: str | None
    base_model: str | None
    repositories: dict[Kind, tuple[PublishedFile, ...]]


def published(path: str, source: Path, stage: Path) -> PublishedFile:
    """Describe the file `source`, to be published as `path`; one below `stage` keeps its place there."""
    place = source.relative_to(stage) if source.is_relative_to(stage) else source.resolve()
    return PublishedFile(path=path, source=str(place), size=source.stat().st_size, sha256=sha256_of(source))


def with_sums(files: Iterable[PublishedFile], folder: Path, stage: Path) -> tuple[PublishedFile, ...]:
    """`files` in order of their names, and behind them their SHA256SUMS, written to `folder` in `stage`."""
    ordered = sorted(files, key=lambda file: file.path)
    folder.mkdir(parents=True, exist_ok=True)
    sums = folder / SUMS
    sums.write_text("".join(f"{file.sha256}  {file.path}\n" for file in ordered), "utf-8")
    return (*ordered, published(SUMS, sums, stage))


def sha256_of(file: Path) -> str:
    """Hash of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def repository_of(name: str, kind: Kind) -> str:
    """Name of the repository for `kind`, given the merged model's."""
    return name if kind == "merged" else f"{name}{ADAPTER_SUFFIX}"
