"""The expectations of our own: questions are in their language, and queries are sound (`tasks.sql` finds no fault).

Each asks a function that looks at all rows at once and names those that fail, each with its reasons.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar, TypedDict

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from tasks.common.progress import Progress, silent
from tasks.data.columns import HANGUL, KOREAN_SHARE, LATIN, letter_share
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig

LATIN_SHARE = 0.5  # an English question may quote names in other scripts

# A metric takes plain values only, so the listener reaches it this way.
listener: ContextVar[Progress] = ContextVar("listener", default=silent)


class Failing(TypedDict):
    """A row that fails, and why."""

    row: str
    reasons: list[str]


def questions_in_another_language(rows: pd.DataFrame) -> list[Failing]:
    """The Korean rows whose question has hardly a Hangul letter, and the English ones in another script."""
    told = rows[rows["question"].str.contains(r"\S", na=False)]
    korean = (told["language"] == "ko") & (letter_share(told["question"], HANGUL) < KOREAN_SHARE)
    english = (told["language"] == "en") & (letter_share(told["question"], LATIN) < LATIN_SHARE)
    return [
        Failing(row=row, reasons=[f"question is not in its language: {name}"])
        for name, hit in (("Korean", korean), ("English", english))
        for row in told.loc[hit, "row"]
    ]


def unsound_queries(rows: pd.DataFrame, sql: SqlConfig, must_return_rows: bool) -> list[Failing]:
    """Check each distinct query of a context once, and tell it for all rows that share it."""
    key = ["dialect", "context", "answer"]
    distinct = rows[key].drop_duplicates()
    done = 0

    def progress(now: int, total: int, what: str) -> None:
        listener.get()(done + now, len(distinct), what)

    found = []
    for dialect, part in distinct.groupby("dialect", sort=False):
        found.append(check_rows(part, str(dialect), sql, must_return_rows, progress))
        done += len(part)
    distinct["reasons"] = pd.concat(found)
    told = rows[["row", *key]].merge(distinct, on=key, how="left")
    return [
        Failing(row=row, reasons=list(reasons))
        for row, reasons in zip(told["row"], told["reasons"], strict=True)
        if reasons
    ]


class OtherLanguage(TableMetricProvider):
    """`questions_in_another_language` as this library calls it."""

    metric_name = "rows.other_language"

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - how this library calls it
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> list[Failing]:
        return questions_in_another_language(_table(execution_engine, metric_domain_kwargs))


class UnsoundQueries(TableMetricProvider):
    """`unsound_queries` as this library calls it."""

    metric_name = "rows.unsound_queries"
    value_keys = ("sql", "must_return_rows")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - how this library calls it
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> list[Failing]:
        rows = _table(execution_engine, metric_domain_kwargs)
        sql = SqlConfig(**metric_value_kwargs["sql"])
        return unsound_queries(rows, sql, metric_value_kwargs["must_return_rows"])


def _table(engine: PandasExecutionEngine, domain: dict[str, Any]) -> pd.DataFrame:
    rows: pd.DataFrame = engine.get_compute_domain(domain, MetricDomainTypes.TABLE)[0]
    return rows


class _ExpectNoneFailing(BatchExpectation):
    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        failing = metrics[self.metric_dependencies[0]]
        return {
            "success": not failing,
            "result": {"unexpected_count": len(failing), "unexpected_index_list": failing},
        }


class ExpectQuestionsInTheirLanguage(_ExpectNoneFailing):
    """Expect a Korean question to have Hangul letters, and an English one Latin letters."""

    metric_dependencies = (OtherLanguage.metric_name,)


class ExpectQueriesToBeSound(_ExpectNoneFailing):
    """Expect each answer to be one read-only query over its context that parses, runs and returns rows."""

    sql: dict[str, Any]
    must_return_rows: bool

    metric_dependencies = (UnsoundQueries.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("sql", "must_return_rows")
