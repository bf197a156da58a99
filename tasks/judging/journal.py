"""Every verdict ever given, in one append-only file, so that no question is paid for twice.

One JSON object a line: {"key": "9f3c…", "verdict": "yes", "rationale": "…", "prompt_tokens": 412, …}. The key
hashes everything that decides the answer; rows find their verdict by it, never by position. Verdicts are
final but for 'error', which is kept for the reader and asked again. Two runs may share the file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ValidationError

VerdictWord = Literal["yes", "no", "unjudged", "error"]

logger = logging.getLogger(__name__)


class Verdict(BaseModel):
    """The judge's word on one row, and what it cost."""

    key: str
    verdict: VerdictWord
    rationale: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


def question_key(identity: str, parameters: Mapping[str, Any], prompt_version: str, row: Mapping[str, str]) -> str:
    """The name a verdict is filed under: hash of the judge, how it was asked, and the row.

    Args:
        identity: which model, where.
        parameters: sampling parameters.
        prompt_version: of the question's wording.
        row: keys dialect, context, question, gold, sql.
    """
    asked = [row[name] for name in ("dialect", "context", "question", "gold", "sql")]
    text = json.dumps([identity, parameters, prompt_version, asked], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Journal:
    """The file and what it holds. Keeps up with what other runs append."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = FileLock(f"{path}.lock")
        self._final: dict[str, Verdict] = {}
        self._read_to = 0
        with self._lock, path.open("a+b") as stream:
            _mend(stream)

    def find(self, key: str) -> Verdict | None:
        """The final verdict under `key`, also if another run wrote it a moment ago; None if there is none."""
        if key not in self._final:
            self._read_on()
        return self._final.get(key)

    def add(self, verdict: Verdict) -> None:
        """Append one verdict; on return it is on disk."""
        with self._lock, self._path.open("a+b") as stream:
            _mend(stream)  # a run that was killed meanwhile may have left half a line
            stream.write(verdict.model_dump_json().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _read_on(self) -> None:
        if self._path.stat().st_size == self._read_to:
            return
        with self._lock, self._path.open("rb") as stream:
            stream.seek(self._read_to)
            data = stream.read()
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for line in data[:whole].splitlines():
            try:
                verdict = Verdict.model_validate_json(line)
            except ValidationError:
                logger.warning("%s: a line that is no verdict was passed over", self._path)
                continue
            if verdict.verdict != "error":
                self._final.setdefault(verdict.key, verdict)


def _mend(stream: IO[bytes]) -> None:
    """Cut off a last line that a killed run left unfinished. The caller holds the lock."""
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
    stream.seek(0, os.SEEK_END)
