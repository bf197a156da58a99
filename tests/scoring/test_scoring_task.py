from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.scoring.task import make_databases, score
from tasks.sql.config import SqlConfig


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.usefixtures("server")
def test_scores_are_made_once_and_then_reused(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "example_id": ["a", "b"],
            "db_id": "shop",
            "context": "CREATE TABLE items (id INT, price INT);",
            "question": ["모든 가격은?", "How many?"],
            "answer": ["SELECT price FROM items", "SELECT COUNT(*) FROM items"],
            "dialect": "mysql",
            "language": ["ko", "en"],
            "domain": "shop",
            "complexity": ["basic SQL", "aggregation"],
            "source": "test",
        }
    )
    predictions = pd.DataFrame(
        {"example_id": ["b", "a"], "sql": ["SELECT COUNT(1) FROM items", "SELECT id FROM items"]}
    )
    data = _stage(tmp_path, "data", lambda folder: rows.to_parquet(folder / "eval.parquet"))
    answers = _stage(tmp_path, "predictions", lambda folder: predictions.to_parquet(folder / "predictions.parquet"))

    @flow
    def night() -> list[StageOutput]:
        sql, found = SqlConfig(databases=5), []
        for _ in range(2):
            found.append(make_databases(data, sql, str(tmp_path)))
            found.append(score(data, found[-1], answers, "champion", sql, str(tmp_path)))
        return found

    made, first, again, second = night()
    assert [made.reused, first.reused, again.reused, second.reused] == [False, False, True, True]
    assert (made.counts["gold_queries"], made.counts["databases"], made.sha256) == (2, 10, again.sha256)
    assert {name: first.counts[name] for name in ("rows", "ex", "ex_en", "ex_ko")} == {
        "rows": 2,
        "ex": 0.5,
        "ex_en": 1.0,
        "ex_ko": 0.0,
    }
    table = pd.read_parquet(second.file("scores.parquet"))
    assert list(table["outcome"]) == ["different", "equal"]


def _stage(store: Path, name: str, write: Callable[[Path], object]) -> StageOutput:
    def build(folder: Path) -> Counts:
        write(folder)
        return {}

    return run_stage(store, name, inputs={}, code=[], build=build)
