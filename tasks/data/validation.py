"""Validation with Great Expectations: rows that fail any expectation go to quarantine with all their reasons.

Two suites, read top to bottom below: `form_suite` over every row, and `query_suite` over the rows whose
context and answer are there and within the limits, because it runs them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
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
from tasks.data.config import DataConfig, ValidationConfig
from tasks.data.expectation import ExpectQueriesToBeSound, listener
from tasks.data.sources import COLUMNS, DIALECT, NEEDED
from tasks.sql.config import SqlConfig

DUPLICATE = "duplicate of an earlier row"
UNSOUND = "query is not sound"
CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"


class Checked(TypedDict):
    """One line of the suite's result table; `failed` rows of `rows` did not meet the expectation."""

    expectation: str
    column: str
    reason: str
    rows: int
    failed: int


class Validation(NamedTuple):
    """Every row is in `good` or in `quarantined`, never in both; `quarantined` has `reasons: list[str]` too."""

    good: pd.DataFrame
    quarantined: pd.DataFrame
    suite: list[Checked]


def validate(rows: pd.DataFrame, config: DataConfig, sql: SqlConfig, progress: Progress = silent) -> Validation:
    """Check rows (columns `COLUMNS`, index `row`) and set the unfit ones apart.

    Raises:
        StageError: an expectation itself failed, or more than `max_quarantined_share` of the rows is unfit.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    suite = _run(form_suite(config.validation), rows, reasons)
    runnable = [not any(_of_query(reason) for reason in reasons.get(row, ())) for row in rows.index]
    if any(runnable):
        token = listener.set(progress)
        try:
            suite += _run(query_suite(config, sql), rows[runnable], reasons)
        finally:
            listener.reset(token)
    unfit = rows.index.isin(list(reasons))
    quarantined = rows[unfit].copy()
    quarantined["reasons"] = pd.Series({row: reasons[row] for row in quarantined.index}, dtype=object)
    _check_share(rows, quarantined, config.validation.max_quarantined_share)
    return Validation(rows[~unfit], quarantined, suite)


def form_suite(limits: ValidationConfig) -> list[gxe.Expectation]:
    """What every row has to look like before its query is looked at."""
    longest = {
        "question": limits.max_question_chars,
        "context": limits.max_context_chars,
        "answer": limits.max_answer_chars,
    }
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=["row", *COLUMNS], exact_match=True),
        *(gxe.ExpectColumnValuesToNotBeNull(column=column, meta=_reason(f"{column} is missing")) for column in NEEDED),
        *(
            gxe.ExpectColumnValuesToMatchRegex(column=column, regex=r"\S", meta=_reason(f"{column} is blank"))
            for column in NEEDED
        ),
        *(
            gxe.ExpectColumnValuesToNotMatchRegex(
                column=column, regex=CONTROL_CHARACTERS, meta=_reason(f"{column} has control characters")
            )
            for column in NEEDED
        ),
        *(
            gxe.ExpectColumnValueLengthsToBeBetween(
                column=column, max_value=most, meta=_reason(f"{column} is longer than {most} characters")
            )
            for column, most in longest.items()
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="language", value_set=["en", "ko"], meta=_reason("language is neither en nor ko")
        ),
        gxe.ExpectColumnValuesToBeUnique(column="example_id", meta=_reason(DUPLICATE)),
    ]


def query_suite(config: DataConfig, sql: SqlConfig) -> list[gxe.Expectation]:
    """What every query has to do."""
    return [
        ExpectQueriesToBeSound(
            dialect=DIALECT,
            sql=sql.model_dump(mode="json"),
            must_return_rows=config.validation.must_return_rows,
            meta=_reason(UNSOUND),
        )
    ]


def _reason(reason: str) -> dict[str, str]:
    return {"reason": reason}


def _of_query(reason: str) -> bool:
    return reason.startswith(("context ", "answer "))


def _run(suite: list[gxe.Expectation], rows: pd.DataFrame, reasons: dict[int, list[str]]) -> list[Checked]:
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
            raise StageError(f"rows do not have the columns of the contract: {result.result['details']}")
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


def _failed(reason: str, result: dict[str, Any], table: pd.DataFrame) -> dict[int, list[str]]:
    found = result.get("unexpected_index_list") or []
    if reason != DUPLICATE:
        return {int(hit["row"]): hit.get("reasons") or [reason] for hit in found}
    # The uniqueness check lists the first copy as well; that one is kept.
    first = table.groupby("example_id")["row"].transform("first")
    later = table["row"] != first
    return {int(row): [f"{DUPLICATE}: row {kept}"] for row, kept in zip(table["row"][later], first[later], strict=True)}


def count_reasons(quarantined: pd.DataFrame) -> dict[str, int]:
    """Rows by reason, the most frequent first; a row counts once for each of its reasons, details left out."""
    heads = (reason.split(":")[0] for found in quarantined["reasons"] for reason in dict.fromkeys(found))
    return dict(Counter(heads).most_common())


def _check_share(rows: pd.DataFrame, quarantined: pd.DataFrame, most: float) -> None:
    if len(quarantined) <= most * len(rows):
        return
    reason, count = next(iter(count_reasons(quarantined).items()))
    hits = [any(found.startswith(reason) for found in all_of_it) for all_of_it in quarantined["reasons"]]
    example = quarantined.loc[hits, ["question", "answer"]].iloc[0].fillna("(missing)")
    shown = "; ".join(f"{name}: {text[:200]!r}" for name, text in example.items())
    raise StageError(
        f"{len(quarantined)} of {len(rows)} rows are unfit, more than data.validation.max_quarantined_share "
        f"({most:.0%}) allows; most often '{reason}' ({count} rows), such as row {example.name}, {shown}"
    )
