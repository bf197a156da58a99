"""The leaderboard in words: who is ahead, and what of it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.reporting.shown import percent


def sentence(standings: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Who is ahead, and whether that is more than chance.

    Args:
        standings: what `scoring.leaderboard.standings` returns.
        pairs: what `scoring.leaderboard.pairs` returns.
    """
    first = standings.iloc[0]
    name, share = first["name"], percent(first["ex"])
    if len(standings) == 1:
        return f"{listed([name])} has an execution accuracy of {share}; there is no other entry to compare it with."
    beaten = beats(name, pairs)
    rivals = [other for other in standings["name"][1:] if other not in beaten]
    if not rivals:
        return f"{listed([name])} is ahead with {share}, which is more than chance against every other entry."
    if (standings["rank"] == 1).sum() > 1:
        return f"{listed(standings['name'][standings['rank'] == 1])} share the first place with {share}."
    return f"{listed([name])} is ahead with {share}, but its lead over {listed(rivals)} may be chance."


def plain_words(standings: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Who is shown to be better than whom, a sentence for each entry that is better than another; none for one entry.

    Arguments as `sentence`.
    """
    if not len(pairs):
        return []
    unclear = int((~pairs["more_than_chance"]).sum())
    if unclear == len(pairs):
        return ["No difference between two entries is shown to be more than chance."]
    told = []
    for name in standings["name"]:
        beaten = beats(name, pairs)
        whom = "every other entry" if len(beaten) == len(standings) - 1 else listed(beaten) if beaten else ""
        told += [f"{listed([name])} is better than {whom}."] if whom else []
    return [*told, f"{unclear} of the {len(pairs)} differences may be chance."] if unclear else told


def beats(name: str, pairs: pd.DataFrame) -> list[str]:
    """The entries that `name` is better than by more than chance."""
    return list(pairs["worse"][(pairs["better"] == name) & pairs["more_than_chance"]])


def listed(names: Sequence[str] | pd.Series) -> str:
    """'“a”, “b” and “c”': quoted, as a name may hold a comma."""
    *most, last = (f"“{name}”" for name in names)
    return f"{', '.join(most)} and {last}" if most else last
