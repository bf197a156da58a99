"""Validation with Great Expectations: rows that fail any expectation go to quarantine with all their reasons.

`suite.form_suite` looks at every row, `suite.query_suite` at the rows whose context and answer are there and within
the limits, because it runs them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple, TypedDict

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from tasks.common.errors import StageError
from tasks.common.progress import Progress, silent
from tasks.data.config import DataConfig
from tasks.data.expectation import listener
from tasks.data.suite import DUPLICATE, form_suite, query_suite
from tasks.sql.config import SqlConfig

EXAMPLES = 5  # failing rows named for each expectation


class Checked(TypedDict):
    """One line of the suite's result table; `failed` rows of `rows` did not meet the expectation."""

    expectation: str
    column: str
    reason: str
    rows: int
    failed: int
    examples: list[str]


class Validation(NamedTuple):
    """Every row is in `good` or in `quarantined`, never in both; `quarantined` has `reasons: list[str]` too."""

    good: pd.DataFrame
    quarantined: pd.DataFrame
    suite: list[Checked]


def validate(rows: pd.DataFrame, config: DataConfig, sql: SqlConfig, progress: Progress = silent) -> Validation:
    """Check rows (columns `COLUMNS`, index `row`) and set the unfit ones apart.

    Raises:
        StageError: an expectation itself failed to run.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    suite = run_suite(form_suite(config.validation), rows, reasons)
    runnable = [not any(_of_query(reason) for reason in reasons.get(row, ())) for row in rows.index]
    if any(runnable):
        token = listener.set(progress)
        try:
            suite += run_suite(query_suite(config, sql), rows[runnable], reasons)
        finally:
            listener.reset(token)
    unfit = rows.index.isin(list(reasons))
    quarantined = rows[unfit].copy()
    quarantined["reasons"] = pd.Series({row: reasons[row] for row in quarantined.index}, dtype=object)
    return Validation(rows[~unfit], quarantined, suite)


def _of_query(reason: str) -> bool:
    return reason.startswith(("context ", "answer ", "dialect "))


def run_suite(suite: list[gxe.Expectation], rows: pd.DataFrame, reasons: dict[str, list[str]]) -> list[Checked]:
    """Run a suite over rows, add to `reasons` what it found, and return its result table."""
    table = rows.reset_index()
    asset = _context().data_sources.add_pandas("rows").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    results = batch.validate(
        gx.ExpectationSuite(name="rows", expectations=suite),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]},
    )
    checked = []
    for result in results.results:
        expectation = result.expectation_config
        _check_that_it_ran(expectation.type, result)
        reason = (expectation.meta or {}).get("reason", "")
        if not reason and not result.success:
            raise StageError(f"rows do not have the columns of the contract: {expectation.kwargs}: {result.result}")
        failed = _failed(reason, result.result, table)
        for row, found in failed.items():
            reasons[row].extend(found)
        column = expectation.kwargs.get("column", "")
        checked.append(
            Checked(
                expectation=expectation.type,
                column=column,
                reason=reason,
                rows=len(table),
                failed=len(failed),
                examples=list(failed)[:EXAMPLES],
            )
        )
    return checked


def _context() -> Any:
    # Said in full, because the default also makes up a folder for an HTML site.
    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=settings)


def _check_that_it_ran(name: str, result: Any) -> None:
    # An exception inside an expectation is only noted, with an empty list of rows: nothing would be refused.
    info = result.exception_info or {}
    if info.get("raised_exception") is False:
        return
    notes = [info, *(note for note in info.values() if isinstance(note, dict))]
    told = next((note["exception_message"] for note in notes if note.get("exception_message")), "no message")
    raise StageError(f"validation: {name} failed to run: {told}")


def _failed(reason: str, result: dict[str, Any], table: pd.DataFrame) -> dict[str, list[str]]:
    found = result.get("unexpected_index_list") or []
    if reason != DUPLICATE:
        return {hit["row"]: hit.get("reasons") or [reason] for hit in found}
    # The uniqueness check lists the first copy as well; that one is kept.
    first = table.groupby("example_id")["row"].transform("first")
    later = table["row"] != first
    return {row: [f"{DUPLICATE}: {kept}"] for row, kept in zip(table["row"][later], first[later], strict=True)}
