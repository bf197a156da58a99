"""Settings of writing rows with a language model, and of cleaning rows with one."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tasks.common.section import Section
from tasks.data.sources.config import Source
from tasks.llm.config import LlmConfig
from tasks.sql.config import SqlConfig

Language = Literal["en", "ko"]


class Domain(Section):
    """A field of life that schemas are written for."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        description="Short name; db_ids begin with it: small letters, digits, - and _.",
    )
    description: str = Field(min_length=1, description="What the databases of this domain hold, in a sentence or two.")
    languages: tuple[Language, ...] = Field(("en",), min_length=1, description="Languages of the questions.")


class Domains(Section):
    """A YAML file of domains."""

    domains: tuple[Domain, ...] = Field(min_length=1, description="The domains, each of which gets as many schemas.")


class BudgetedConfig(LlmConfig):
    """A model that is asked until a budget is spent."""

    store: str = Field(".nightly", description="Folder that keeps outputs and the journal of answers.")
    in_flight: int = Field(16, ge=1, description="Requests under way at once, at most; a killed run pays them twice.")
    max_tokens: int = Field(
        2_000_000,
        gt=0,
        description="Tokens, prompts and answers, after which no more is asked; the rows made are kept.",
    )


class SynthesisConfig(BudgetedConfig):
    """What is written, and when it is enough."""

    section: ClassVar[str] = "synthesis"

    domains: str = Field("deployments/synthesis/domains.yaml", description="YAML file with the list of domains.")
    rows: int = Field(200, gt=0, description="Accepted rows after which no more is asked.")
    requests_per_schema: int = Field(
        3, ge=1, description="Requests for questions on one schema and language before a new schema is asked for; "
        "each asks for one question of every kind."
    )  # fmt: skip
    temperature: float = Field(0.8, ge=0, le=2, description="Of the model that writes.")
    max_completion_tokens: int = Field(3_000, gt=0, description="Longest answer; each asks for eight queries.")
    timeout_s: float = Field(180.0, gt=0, description="Longest wait for one answer.")
    must_return_rows: bool = Field(True, description="Refuse a query that returns no row on any generated database.")
    sql: SqlConfig = Field(default_factory=SqlConfig, description="Generated databases that the queries run on.")


class CleaningConfig(BudgetedConfig):
    """Which rows the model looks at."""

    section: ClassVar[str] = "cleaning"

    source: Source = Field(description="The rows, in the form of one of the night's data.sources.")
