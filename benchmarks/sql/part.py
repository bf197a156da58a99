"""What a part of this benchmark hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.record import Figures


@dataclass(frozen=True)
class Part:
    """Figures of one part.

    Attributes:
        figures: every figure under a plain name; the part's own name comes before it in the record.
        packages: whose versions matter to these figures.
        listed: what the record lists besides figures, e.g. the cases that were left out, with reasons.
    """

    figures: Figures
    packages: tuple[str, ...]
    listed: dict[str, Any] | None = None
