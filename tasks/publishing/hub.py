"""Upload to the Hugging Face Hub: one commit a repository, checked by hash, then tagged with the version.

Every step looks first what is there, so a killed upload goes on where it was: a file that the Hub holds (by its
hash) is not sent again, and a commit or a tag that was made is not made again. `main` and the tag never show half
a version, as files only become visible with the commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, set_client_factory
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import disable_progress_bars, validate_repo_id
from huggingface_hub.utils._http import default_client_factory
from huggingface_hub.utils.sha import git_hash

from tasks.common.errors import InputError, StageError
from tasks.common.progress import Progress
from tasks.publishing.publication import PublishedFile
from tasks.publishing.retry import Tell, patiently

TIMEOUT_S = 120.0  # without an answer or a byte; the library's own is none, and a dead connection would hang the night
ONE_BY_ONE = 10_000_000  # bytes from which a file is sent on its own, so that progress is seen
KEPT = {".gitattributes"}  # the Hub's own


def check_repository(name: str) -> None:
    """Check a repository's name.

    Raises:
        InputError: it is not 'owner/name'.
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise InputError(f"publish.repository: {error}") from None
    if "/" not in name:
        raise InputError(f"publish.repository: '{name}' names no owner; the Hub needs 'owner/name'")


def upload(
    repository: str,
    files: Sequence[PublishedFile],
    tags: Sequence[str],
    token: str,
    *,
    private: bool,
    tell: Tell,
    progress: Progress,
) -> str:
    """Make `main` of `repository` hold exactly `files`, and `tags` point to that commit.

    Args:
        repository: 'owner/name'; made if it is not there.
        files: all files of the repository.
        tags: the version, e.g. 'v3', and its alias if it has one.
        token: one that may write.
        private: whether the repository must be private.
        tell: hears of retries.
        progress: hears how many bytes of the large files the Hub has.

    Returns:
        The commit.

    Raises:
        InputError: the token may not write there, or the repository is public and must be private.
        StageError: the Hub failed too often, or holds other bytes than we sent.
    """
    set_client_factory(_client)
    disable_progress_bars()
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    patiently(lambda: _create(api, repository, private), f"creating {repository}", tell)
    patiently(lambda: _send(api, repository, files, tags[0], progress), f"upload to {repository}", tell)
    commit = patiently(lambda: _verify(api, repository, files), f"checking {repository}", tell)
    for tag in tags:
        patiently(partial(_tag, api, repository, tag, commit), f"tag {tag} of {repository}", tell)
    return commit


def _client() -> httpx2.Client:
    client = default_client_factory()
    client.timeout = httpx2.Timeout(TIMEOUT_S)
    return client


def _create(api: HfApi, repository: str, private: bool) -> None:
    try:
        info = api.model_info(repository)
    except RepositoryNotFoundError:  # also what a token without access is told
        api.create_repo(repository, private=private, exist_ok=True)
        info = api.model_info(repository)
    if private and not info.private:
        raise InputError(f"publish.private: {repository} is public; make it private, or set the key to false")


def _send(api: HfApi, repository: str, files: Sequence[PublishedFile], tag: str, progress: Progress) -> None:
    there = _tree(api, repository, "main")
    new = [file for file in files if not _same(file, there.get(file.path))]
    gone = there.keys() - {file.path for file in files} - KEPT
    if not new and not gone:
        return
    additions = [CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=file.source) for file in new]
    total = sum(file.size for file in new)
    sent = 0
    for file, addition in zip(new, additions, strict=True):
        if file.size >= ONE_BY_ONE:
            api.preupload_lfs_files(repository, [addition], free_memory=False)
        sent += file.size
        progress(sent, total, f"bytes to {repository}")
    deletions = [CommitOperationDelete(path_in_repo=path) for path in sorted(gone)]
    api.create_commit(repository, [*additions, *deletions], commit_message=f"Version {tag}")


def _verify(api: HfApi, repository: str, files: Sequence[PublishedFile]) -> str:
    """Compare what the Hub holds with what was to be sent, file by file; returns the commit."""
    commit = str(api.model_info(repository).sha)
    there = _tree(api, repository, commit)
    wrong = sorted(file.path for file in files if not _same(file, there.get(file.path)))
    wrong += sorted(there.keys() - {file.path for file in files} - KEPT)
    if wrong:
        raise StageError(f"publish: {repository} holds other bytes than were sent: {', '.join(wrong)}")
    return commit


def _tag(api: HfApi, repository: str, tag: str, commit: str) -> None:
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repository).tags}
    if tags.get(tag) == commit:
        return
    if tag in tags:
        api.delete_tag(repository, tag=tag)
    api.create_tag(repository, tag=tag, revision=commit)


def _tree(api: HfApi, repository: str, revision: str) -> Mapping[str, RepoFile]:
    entries = api.list_repo_tree(repository, revision=revision, recursive=True)
    return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}


def _same(file: PublishedFile, there: RepoFile | None) -> bool:
    """Whether the Hub's file has our bytes: large files are known by sha256, small ones as git knows them."""
    if there is None or there.size != file.size:
        return False
    if there.lfs is not None:
        return there.lfs.sha256 == file.sha256
    return there.blob_id == git_hash(Path(file.source).read_bytes())
