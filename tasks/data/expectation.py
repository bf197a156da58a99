"""The one expectation of our own: gold queries are sound, which means that `tasks.sql` finds nothing wrong."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from tasks.common.progress import Progress, silent
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig

METRIC = "rows.unsound_queries"

# A metric takes plain values only, so the listener reaches it this way.
listener: ContextVar[Progress] = ContextVar("listener", default=silent)


class UnsoundQueries(TableMetricProvider):
    """The rows whose query is not sound, each as {"row": n, "reasons": [...]}."""

    metric_name = METRIC
    value_keys = ("dialect", "sql", "must_return_rows")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 - how this library calls it
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> list[dict[str, Any]]:
        rows, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        return unsound_queries(
            rows,
            metric_value_kwargs["dialect"],
            SqlConfig(**metric_value_kwargs["sql"]),
            metric_value_kwargs["must_return_rows"],
        )


def unsound_queries(rows: pd.DataFrame, dialect: str, sql: SqlConfig, must_return_rows: bool) -> list[dict[str, Any]]:
    """Check each distinct pair of context and answer once, and tell it for all rows that share it."""
    pair = ["context", "answer"]
    distinct = rows[pair].drop_duplicates()
    distinct["reasons"] = check_rows(distinct, dialect, sql, must_return_rows, listener.get())
    found = rows[["row", *pair]].merge(distinct, on=pair, how="left")
    return [
        {"row": int(row), "reasons": list(reasons)}
        for row, reasons in zip(found["row"], found["reasons"], strict=True)
        if reasons
    ]


class ExpectQueriesToBeSound(BatchExpectation):
    """Expect each answer to be one read-only query over its context that parses, runs and returns rows."""

    dialect: str
    sql: dict[str, Any]
    must_return_rows: bool

    metric_dependencies = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("dialect", "sql", "must_return_rows")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        unsound = metrics[METRIC]
        return {
            "success": not unsound,
            "result": {"unexpected_count": len(unsound), "unexpected_index_list": unsound},
        }
