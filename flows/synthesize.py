"""Training rows written, and rows cleaned, by a language model."""

from __future__ import annotations

from prefect import flow

from tasks.common.store import StageOutput
from tasks.synthesis.config import CleaningConfig, SynthesisConfig
from tasks.synthesis.stages import read_domains
from tasks.synthesis.task import clean, synthesize

DEFAULT = SynthesisConfig()


@flow(name="synthesize-data")
def synthesize_data(config: SynthesisConfig = DEFAULT) -> StageOutput:
    """Ask for schemas, questions and queries, domain by domain, until there are enough sound rows."""
    read_domains(config.domains)
    return synthesize(config)


@flow(name="clean-data")
def clean_data(config: CleaningConfig) -> StageOutput:
    """Ask of every row whether it fits its context and question, and take out those that do not."""
    return clean(config)
