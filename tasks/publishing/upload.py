"""Upload of a publication: both repositories to the target, checked, under the version's name."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.publishing.config import HUB, PublishConfig
from tasks.publishing.folder import check_target, deliver
from tasks.publishing.hub import check_repository, upload
from tasks.publishing.publication import Kind, Publication, repository_of
from tasks.publishing.retry import Tell

ORDER: tuple[Kind, ...] = ("adapter", "merged")  # who finds the merged model finds its adapter


def check_publishing(config: PublishConfig, base: str, token: str | None) -> None:
    """Check before a night starts what can be checked without asking anybody.

    Args:
        config: where to publish.
        base: `model.base`.
        token: the Hub's token, if there is one in the environment.

    Raises:
        InputError: a wrong name, an unknown file system, or no token; the message names the key.
    """
    if not config.wanted:
        return
    if config.target != HUB:
        check_target(config.target)
    else:
        check_repository(config.repository)
        if not token and not config.secret_block:
            raise InputError("publish.target: the Hub needs a token: set HF_TOKEN, or name a publish.secret_block")
    if Path(base).is_dir() and not config.base_model:
        raise InputError(f"publish.base_model: needed, as model.base '{base}' is a folder without a Hub id")


def publish(
    publication: Publication,
    config: PublishConfig,
    token: str | None,
    store: Path,
    tell: Tell,
    progress: Progress = silent,
    champion: bool = False,
) -> list[str]:
    """Upload both repositories; what is there already is checked and left alone.

    On the Hub a `champion`, in use or about to be, gets that name as a second tag.

    Returns:
        Where they lie: commits of the Hub, or folders.

    Raises:
        InputError: the target refuses us, or there is no token.
        StageError: the upload failed, or what arrived is not what was sent; another call goes on from there.
    """
    if config.target == HUB and not token:
        raise InputError("publish.target: the Hub needs a token: set HF_TOKEN, or name a publish.secret_block")
    for files in publication.repositories.values():
        for file in files:
            file.check()
    places = []
    (store / "publishing").mkdir(parents=True, exist_ok=True)
    with FileLock(store / "publishing" / ".lock"):
        for kind in ORDER:
            repository, files = repository_of(config.repository, kind), publication.repositories[kind]
            if config.target == HUB:
                commit = upload(
                    repository,
                    files,
                    (publication.version, "champion") if champion else (publication.version,),
                    str(token),
                    private=config.private,
                    tell=tell,
                    progress=progress,
                )
                places.append(f"{repository}@{commit[:12]}")
            else:
                places.append(
                    deliver(config.target, repository, files, publication.version, tell=tell, progress=progress)
                )
    return places
