"""The flows: one file each, thin, the pipeline's table of contents."""

from __future__ import annotations

import os

from rich.console import Console


def _nobody_listens(console: Console) -> None:
    """A run whose worker was killed goes on, and what it prints is lost. Rich, which prints its log, would end it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, console.file.fileno())
    os.close(nowhere)


Console.on_broken_pipe = _nobody_listens  # type: ignore[assignment]
