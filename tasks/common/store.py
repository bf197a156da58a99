"""Where stages keep what they made: each output is written once, under the hash of what went into it.

    .nightly/stages/finetune/4b1f…/            a finished output, never changed again
    .nightly/stages/finetune/4b1f….partial/    one being made (or left behind by a killed run)
    .nightly/stages/finetune/4b1f….lock        held while it is being made

The key hashes the stage's inputs, its configuration and the source of the packages that make it, so a
changed prompt or a changed line of training code makes a new output and an unchanged night makes none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

Counts = dict[str, int | float | str]

MANIFEST = "stage.json"
LOGS = "logs"  # what lies in this folder (timings, child output) is not part of the content hash


class StageOutput(BaseModel):
    """A reference to what a stage made: the only thing that tasks hand to each other."""

    model_config = ConfigDict(frozen=True)

    stage: str
    key: str
    path: str
    sha256: str
    counts: Counts
    seconds: float
    reused: bool = False

    def file(self, name: str) -> Path:
        """The path of one file of this output."""
        return Path(self.path) / name


def run_stage(
    store: Path,
    stage: str,
    *,
    inputs: Mapping[str, Any],
    code: Sequence[str],
    build: Callable[[Path], Counts],
    resume: bool = False,
) -> StageOutput:
    """Make the output of `stage` for `inputs`, or return the one already there.

    Args:
        store: root folder of the store.
        stage: name of the stage, also the folder its outputs lie in.
        inputs: JSON-able description of everything that decides the result: configuration sections
            (`section.model_dump(mode="json")`) and the `sha256` of the outputs it reads.
        code: packages or modules whose source decides the result, e.g. `["tasks.sql", "tasks.scoring"]`.
        build: writes the output into the empty folder it is given and returns its counts.
        resume: keep what a killed run left in the folder, for a `build` that can go on from there.
    """
    described = json.loads(json.dumps({"stage": stage, **inputs}, sort_keys=True, ensure_ascii=False))
    version = code_version(tuple(code))
    key = _digest(json.dumps([described, version], sort_keys=True).encode())[:20]
    final = store.resolve() / "stages" / stage / key
    if made := made_output(final):
        return made
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{final}.lock"):
        if made := made_output(final):  # another run made it while this one waited
            return made
        work = final.with_name(f"{key}.partial")
        if not resume:
            shutil.rmtree(work, ignore_errors=True)
        work.mkdir(exist_ok=True)
        began = time.monotonic()
        counts = build(work)
        output = StageOutput(
            stage=stage,
            key=key,
            path=str(final),
            sha256=hash_folder(work),
            counts=counts,
            seconds=round(time.monotonic() - began, 3),
        )
        manifest = {
            **output.model_dump(exclude={"path", "reused"}),
            "inputs": described,
            "code": version,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(work / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))
        work.replace(final)
        return output


def made_output(folder: Path) -> StageOutput | None:
    """What a stage has made in `folder` (`stages/STAGE/KEY` of the store); None if it is not there or not finished."""
    if not (folder / MANIFEST).is_file():
        return None
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    known = {name: manifest[name] for name in ("stage", "key", "sha256", "counts", "seconds")}
    return StageOutput(**known, path=str(folder), reused=True)


@cache
def code_version(packages: tuple[str, ...]) -> str:
    """Hash of the Python and template source of `packages` (dotted names of packages or modules)."""
    digest = hashlib.sha256()
    for name in sorted(packages):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no source for {name}")
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*")) if origin.name == "__init__.py" else [origin]
        for file in files:
            # The doors (task.py) only log and hand over: a changed log line must not retrain a model.
            if file.suffix in {".py", ".txt"} and file.name != "task.py":
                digest.update(f"{name}/{file.relative_to(origin.parent).as_posix()}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def hash_folder(folder: Path) -> str:
    """Content hash of a folder: names and bytes of all its files but the logs and the manifest."""
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = file.relative_to(folder)
        if relative.parts[0] == LOGS or relative.name == MANIFEST:
            continue
        digest.update(f"{relative.as_posix()}\n".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write `text` so that a reader, or a crash, sees either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
