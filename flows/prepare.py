"""Validated, split and drawn rows: the first part of a night, also on its own."""

from __future__ import annotations

from prefect import flow

from flows.checks import check_before_start
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.data.task import prepare

DEFAULT = NightlyConfig()


@flow(name="prepare-data")
def prepare_data(config: NightlyConfig = DEFAULT) -> StageOutput:
    """Read, validate, quarantine, split and check the rows for leakage."""
    check_before_start(config)
    return prepare(config.data, config.sql, config.store)
