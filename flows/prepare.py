"""Validated, split and drawn rows: the first part of a night, also on its own."""

from __future__ import annotations

from prefect import flow

from flows.checks import check_before_start
from flows.naming import since
from flows.runner import RUNNER, run
from tasks.common.store import StageOutput
from tasks.config import NightlyConfig
from tasks.data.task import prepare
from tasks.reporting.task import show_rows

DEFAULT = NightlyConfig()


@flow(name="prepare-data", flow_run_name=since("rows"), task_runner=RUNNER)
def prepare_data(config: NightlyConfig = DEFAULT) -> StageOutput:
    """Read, validate, quarantine, split, check the rows for leakage, and show what they are made of."""
    check_before_start(config)
    data = run(prepare, config.data, config.sql, config.store)
    show_rows(data)
    return data
