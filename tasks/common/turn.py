"""One training at a time: the names of what keeps others out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from filelock import FileLock

TRAINING = "text2sql-training"  # the global concurrency limit on a Prefect server, made by `make deploy`


def cards_lock() -> FileLock:
    """The lock of this machine's visible cards; the kernel frees it when its holder dies, however it dies."""
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "all").replace(os.sep, "-")
    return FileLock(Path(tempfile.gettempdir()) / f"{TRAINING}-{os.getuid()}-{cards}.lock")
