"""Prompts as tokens: what several of them have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile


def shared_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Number of tokens with which all `sequences` begin; at most one less than the shortest has."""
    longest = min(len(s) for s in sequences) - 1
    columns = zip(*(s[:longest] for s in sequences), strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
