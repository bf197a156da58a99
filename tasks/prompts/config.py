"""Settings of the prompt."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class PromptConfig(Section):
    """Which template renders a row, in training and in inference alike."""

    template: str = Field(
        "sections",
        description="'sections' (DDL / Question / SQL), 'columns' (tables and columns instead of the DDL, half the "
        "tokens), 'korean' (sections with a Korean instruction on top) or the path of a text file with {question} and "
        "{context} or {columns} in it that ends where the SQL begins.",
    )
