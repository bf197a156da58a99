"""Settings of the prompt."""

from __future__ import annotations

from pydantic import Field

from tasks.common.section import Section


class PromptConfig(Section):
    """Which template renders a row, in training and in inference alike."""

    template: str = Field(
        "sections",
        description="'sections' (DDL / Question / SQL), 'columns' (tables and columns instead of the DDL, half the "
        "tokens), 'korean' (sections with a Korean instruction on top), 'instruction' (instruction / schema / question "
        "/ response) or the path of a text file with {question} and {context} or {columns} in it that ends where the "
        "SQL begins.",
    )
    chat: bool = Field(
        False,
        description="For an instruct model: the template's text is the user's message in the model's own chat "
        "template, and the answer ends as the assistant's turn does.",
    )


class AskingConfig(Section):
    """What helps a model that was not tuned: examples before the question, column names in it."""

    examples: int = Field(
        0, ge=0, le=20, description="Training rows shown before the question, those nearest by schema and question."
    )
    match_columns: float | None = Field(
        None,
        ge=50,
        le=100,
        description="Words of the question at least so alike (in %) to a column's name are replaced by it; 91 is "
        "usual, empty means none.",
    )
