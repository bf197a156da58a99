"""Data sets of the Hugging Face Hub, by name or as a folder in the same shape: one loader for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.common.errors import InputError
from tasks.data.sources.rows import check_columns


def open_splits(
    path: str, revision: str | None, needed: Sequence[str], config: str | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """All rows of all splits, each with its place, e.g. `train:17`.

    Args:
        path: name on the Hub, or a folder.
        revision: commit, tag or branch; None for the newest.
        needed: columns that have to be there.
        config: which configuration of the data set.

    Raises:
        InputError: it cannot be loaded, or lacks a column.
    """
    # Imported here: it takes a second to load, which nights on other sources save.
    from datasets import load_dataset

    with TemporaryDirectory(prefix="t2s-rows-") as fresh:
        # The loader's cache knows a folder by its name and settings only: a changed file in it would go unseen.
        cache = fresh if Path(path).is_dir() else None
        try:
            splits = load_dataset(path, config, revision=revision, cache_dir=cache)
        except Exception as error:  # each builder and each kind of transport has its own errors
            told = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
            raise InputError(f"{path}: cannot be loaded as a data set: {told:.300}") from None
        for split, rows in splits.items():
            check_columns(f"{path}, split {split}", rows.column_names, needed)
            for number, values in enumerate(rows.select_columns(list(needed)), 1):
                yield f"{split}:{number}", values
