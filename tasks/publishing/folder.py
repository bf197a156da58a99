"""The same layout in a folder, or wherever fsspec can write: `TARGET/REPOSITORY/v3/`.

Where the file system can rename (a disk, SFTP), a version is written under a temporary name and appears whole. An
object store cannot: there SHA256SUMS comes last, and a version without it is not finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import fsspec
from fsspec.spec import AbstractFileSystem

from tasks.common.errors import InputError, StageError
from tasks.common.progress import Progress
from tasks.publishing.publication import SUMS, PublishedFile
from tasks.publishing.retry import Tell, patiently

PARTIAL = ".partial"
REPLACED = ".replaced"
CHUNK = 1 << 20


def check_target(target: str) -> None:
    """Find the file system of `target` without writing to it.

    Raises:
        InputError: fsspec does not know it, or lacks the package for it.
    """
    try:
        fsspec.url_to_fs(target)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(f"publish.target: '{target}': {error}") from None


def deliver(
    target: str, repository: str, files: Sequence[PublishedFile], tag: str, *, tell: Tell, progress: Progress
) -> str:
    """Make `target/repository/tag` hold exactly `files`.

    A file that lies there already with the right bytes is not written again.

    Args:
        target: folder or fsspec URL.
        repository: folder below it.
        files: all files of the repository, SHA256SUMS last.
        tag: the version, e.g. 'v3'.
        tell: hears of retries.
        progress: hears how many bytes are there.

    Returns:
        Where the version lies.

    Raises:
        StageError: it cannot be written, or holds other bytes than were sent.
    """
    fs, root = fsspec.url_to_fs(target)
    final = f"{root.rstrip('/')}/{repository}/{tag}"
    step = f"writing {repository}/{tag} to {target}"
    patiently(lambda: _deliver(fs, final, files, progress), step, tell)
    return str(fs.unstrip_protocol(final))


def _deliver(fs: AbstractFileSystem, final: str, files: Sequence[PublishedFile], progress: Progress) -> None:
    _tidy(fs, final)
    if not _differing(fs, final, files):
        return
    renames = can_rename(fs)
    work = f"{final}{PARTIAL}" if renames else final
    fs.makedirs(work, exist_ok=True)
    if not renames and fs.exists(f"{work}/{SUMS}"):
        fs.rm_file(f"{work}/{SUMS}")  # from here on the version is not finished
    _write(fs, work, files, progress)
    wrong = _differing(fs, work, files)
    if wrong:
        raise StageError(f"publish: {work} holds other bytes than were written: {', '.join(wrong)}")
    if renames:
        if fs.exists(final):
            fs.mv(final, f"{final}{REPLACED}", recursive=True)
        fs.mv(work, final, recursive=True)
        _tidy(fs, final)


def _tidy(fs: AbstractFileSystem, final: str) -> None:
    """What a killed run left between two renames: the old version goes when the new one is there."""
    old = f"{final}{REPLACED}"
    if fs.exists(old):
        if fs.exists(final):
            fs.rm(old, recursive=True)
        else:
            fs.mv(old, final, recursive=True)


def _write(fs: AbstractFileSystem, work: str, files: Sequence[PublishedFile], progress: Progress) -> None:
    done, total = 0, sum(file.size for file in files)
    for path in _listed(fs, work) - {file.path for file in files}:
        fs.rm_file(f"{work}/{path}")
    for file in files:
        place = f"{work}/{file.path}"
        if _hash(fs, place, file.size) != file.sha256:
            fs.makedirs(place.rpartition("/")[0], exist_ok=True)
            fs.put_file(file.source, place)
        done += file.size
        progress(done, total, "bytes written")


def _differing(fs: AbstractFileSystem, folder: str, files: Sequence[PublishedFile]) -> list[str]:
    """Names of the files that are missing, too many or have other bytes, by reading them again."""
    fs.invalidate_cache()
    names = {file.path for file in files}
    wrong = [file.path for file in files if _hash(fs, f"{folder}/{file.path}", file.size) != file.sha256]
    return sorted([*wrong, *(_listed(fs, folder) - names)])


def _listed(fs: AbstractFileSystem, folder: str) -> set[str]:
    start = len(folder.lstrip("/")) + 1
    return {path.lstrip("/")[start:] for path in fs.find(folder)}


def _hash(fs: AbstractFileSystem, path: str, size: int) -> str | None:
    """sha256 of the file in hex; None where there is none, or one of another size, which is not read."""
    if not fs.isfile(path) or fs.size(path) != size:
        return None
    digest = hashlib.sha256()
    stream: Any
    with fs.open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def can_rename(fs: AbstractFileSystem) -> bool:
    """Whether the file system moves a folder in one step; fsspec's own way is to copy every file and delete it."""
    return type(fs).mv is not AbstractFileSystem.mv
