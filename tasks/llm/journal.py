"""Answers already given, in append-only files, so that no request is paid for twice.

One JSON object a line: {"key": "9f3c…", …}. The key hashes everything that decides the answer; what was asked
finds its answer by it, never by position. Entries are final but for those that say they are not (an error, say),
which are kept for the reader and asked again. Two runs may share a file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

logger = logging.getLogger(__name__)

SYNC_S = 1.0  # between two waits for the disk


class Entry(BaseModel):
    """What is filed under a key; the base of what a room keeps."""

    key: str

    @property
    def final(self) -> bool:
        """Whether it is an answer that need not be asked for again."""
        return True


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def key_of(*parts: Any) -> str:
    """The name an answer is filed under: hash of all that decides it (JSON-able)."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Journal(Generic[AnyEntry]):
    """A file of entries of one kind and what it holds. Keeps up with what other runs append."""

    def __init__(self, path: Path, kind: type[AnyEntry]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._kind = kind
        self._final: dict[str, AnyEntry] = {}
        self._read_to = 0
        self._synced_at = time.monotonic()
        self._stream = path.open("a+b", buffering=0)
        with suppress(BlockingIOError):
            # Alone with the file: what a killed run left unfinished can go. Otherwise `add` keeps clear of it.
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _mend(self._stream)
        fcntl.flock(self._stream, fcntl.LOCK_SH)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.fsync(self._stream.fileno())
        self._stream.close()

    def find(self, key: str) -> AnyEntry | None:
        """The final entry under `key`, also if another run wrote it a moment ago; None if there is none."""
        if key not in self._final:
            self._read_on()
        return self._final.get(key)

    def entries(self) -> Iterator[AnyEntry]:
        """All entries so far in the order they were written, also those that are not final."""
        with self._path.open("rb") as stream:
            yield from self._parsed(line for line in stream if line.endswith(b"\n"))

    def add(self, *entries: AnyEntry) -> None:
        """Append entries, all at once. On return they outlive this process, and a second later a power failure."""
        lines = b"".join(entry.model_dump_json().encode() + b"\n" for entry in entries)
        number = self._stream.fileno()
        end = os.fstat(number).st_size
        # The last line may be torn, by a run that was killed meanwhile; if one is just being written, it looks so, too,
        # and an empty line is left after it.
        torn = end > self._read_to and os.pread(number, 1, end - 1) != b"\n"
        length = os.write(number, b"\n" + lines if torn else lines)  # one write: lines of two runs do not mix
        if os.lseek(number, 0, os.SEEK_CUR) - length == self._read_to:  # no other run has written: nothing to read
            self._read_to += length
            for entry in entries:
                self._keep(entry)
        if time.monotonic() - self._synced_at > SYNC_S:
            os.fsync(number)
            self._synced_at = time.monotonic()

    def _read_on(self) -> None:
        number = self._stream.fileno()
        if (end := os.fstat(number).st_size) == self._read_to:
            return
        data = os.pread(number, end - self._read_to, self._read_to)
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for entry in self._parsed(data[:whole].splitlines()):
            self._keep(entry)

    def _keep(self, entry: AnyEntry) -> None:
        if entry.final:
            self._final.setdefault(entry.key, entry)

    def _parsed(self, lines: Iterable[bytes]) -> Iterator[AnyEntry]:
        for line in filter(bytes.strip, lines):
            try:
                yield self._kind.model_validate_json(line)
            except ValidationError:
                logger.warning("%s: a line that is no %s was passed over", self._path, self._kind.__name__)


def _mend(stream: FileIO) -> None:
    """Cut off a last line that a killed run left unfinished."""
    end = stream.seek(0, os.SEEK_END)
    start, block = end, 4096
    while start > 0:
        step = min(block, start)
        stream.seek(start - step)
        newline = stream.read(step).rfind(b"\n")
        if newline >= 0:
            start += newline + 1 - step
            break
        start -= step
    if start < end:
        stream.truncate(start)
