"""The quarantine: rows refused, counted by what is wrong with them and where they come from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.errors import StageError

EXAMPLES = 3  # of each reason
GROUPS = {"source": "source", "domain": "domain", "kind": "complexity"}
NAMED_GROUPS = 30
SHOWN_CHARS = 300


def head(reason: str) -> str:
    """A reason without its details, as it is counted."""
    return reason.split(":")[0]


def count_reasons(quarantined: pd.DataFrame) -> dict[str, int]:
    """Rows by reason, the most frequent first; a row counts once for each of its reasons, details left out."""
    heads = (name for found in quarantined["reasons"] for name in dict.fromkeys(map(head, found)))
    return dict(Counter(heads).most_common())


def summarise(rows: pd.DataFrame, quarantined: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """What the report shows of the quarantine.

    Args:
        rows: all rows that were checked.
        quarantined: those refused, with `reasons`.

    Returns:
        `by_source`, `by_domain`, `by_kind`: lines with the group's name, its `rows`, how many are `quarantined` and
        its most frequent `reason`, the worst first, at most `NAMED_GROUPS`; `examples`: up to `EXAMPLES` rows of
        each reason.
    """
    groups = {f"by_{name}": _by(rows, quarantined, name, column) for name, column in GROUPS.items()}
    return {**groups, "examples": _examples(quarantined)}


def _by(rows: pd.DataFrame, quarantined: pd.DataFrame, name: str, column: str) -> list[dict[str, Any]]:
    totals = rows[column].fillna("(missing)").value_counts()
    refused = quarantined.groupby(quarantined[column].fillna("(missing)"))
    largest = sorted(refused, key=lambda entry: -len(entry[1]))[:NAMED_GROUPS]
    return [
        {
            name: str(group),
            "rows": int(totals[group]),
            "quarantined": len(part),
            "reason": next(iter(count_reasons(part))),
        }
        for group, part in largest
    ]


def _examples(quarantined: pd.DataFrame) -> list[dict[str, Any]]:
    taken: Counter[str] = Counter()
    examples = []
    for row, values in zip(quarantined.index, quarantined.to_dict("records"), strict=True):
        fresh = [reason for reason in values["reasons"] if taken[head(reason)] < EXAMPLES]
        taken.update(map(head, fresh))
        if fresh:
            shown = {name: _shown(values[name]) for name in ("question", "answer")}
            examples.append({"row": row, "reasons": [_shown(reason) for reason in values["reasons"]], **shown})
    return examples


def _shown(text: object) -> str:
    return text[:SHOWN_CHARS] if isinstance(text, str) else "(missing)"


def check_share(rows: pd.DataFrame, quarantined: pd.DataFrame, most: float, where: Path) -> None:
    """Stop if too large a share of the rows is in quarantine.

    Args:
        rows: all rows that were checked.
        quarantined: those refused, with `reasons`.
        most: largest share allowed, 0 to 1.
        where: folder in which the quarantine and the validation's page can be looked at.

    Raises:
        StageError: naming the checks that refused most, each with a row.
    """
    if len(quarantined) <= most * len(rows):
        return
    counts = list(count_reasons(quarantined).items())
    told = ", ".join(f"'{reason}' ({count} rows)" for reason, count in counts[:3])
    hits = [any(head(reason) == counts[0][0] for reason in found) for found in quarantined["reasons"]]
    example = quarantined[hits].iloc[0]
    shown = "; ".join(f"{name}: {_shown(example[name])!r}" for name in ("question", "answer"))
    raise StageError(
        f"{len(quarantined)} of {len(rows)} rows are unfit, more than data.validation.max_quarantined_share "
        f"({most:.0%}) allows; most often {told}, such as {example.name}, {shown}; all of them: {where}"
    )
