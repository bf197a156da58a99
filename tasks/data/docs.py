"""The validation's data docs: one page that needs nothing else, with no link or picture from outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.data.quarantine import count_reasons, summarise

if TYPE_CHECKING:  # importing it for real takes seconds
    from tasks.data.validation import Checked

TEMPLATES = Path(__file__).parent / "templates"


def render_docs(rows: pd.DataFrame, quarantined: pd.DataFrame, suite: Sequence[Checked]) -> str:
    """The page as text.

    Args:
        rows: all rows that were checked.
        quarantined: those refused, with `reasons`.
        suite: what each expectation found.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("validation.html").render(
        rows=len(rows),
        quarantined=len(quarantined),
        reasons=count_reasons(quarantined),
        found=summarise(rows, quarantined),
        suite=[{**line, "says": _says(line)} for line in suite],
    )


def _says(line: Checked) -> str:
    """The expectation in words: expect_column_values_to_not_be_null as 'expect column values to not be null'."""
    return line["expectation"].replace("_", " ")
