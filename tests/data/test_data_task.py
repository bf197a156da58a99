"""The door: the task in a real flow run against a real (ephemeral) Prefect server, with its artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.testing.utilities import prefect_test_harness

from tasks.common.store import StageOutput
from tasks.data.config import DataConfig
from tasks.data.task import compare_rows, prepare
from tasks.sql.config import SqlConfig

DDL = "CREATE TABLE {0} (id INT PRIMARY KEY, name VARCHAR(50));"


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.usefixtures("_server")
def test_the_task_hands_on_a_reference_and_shows_tables(tmp_path: Path) -> None:
    rows = [
        {"db_id": n, "context": DDL.format(t), "question": f"All {t}?", "answer": f"SELECT name FROM {t}"}
        for n, t in enumerate(["players", "guilds"], 1)
    ]
    rows.append({**rows[1], "question": "Nicknames?", "answer": "SELECT nickname FROM guilds"})
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    told: list[StageOutput | None] = []

    @flow
    def night() -> StageOutput:
        config = DataConfig(sources=[{"kind": "rows", "path": str(source)}])
        output = prepare(config, SqlConfig(databases=2), str(tmp_path / "store"))
        told.append(compare_rows(output, str(tmp_path / "store")))
        return output

    first, second = night(), night()
    source.write_text(source.read_text().replace("All players?", "Every player?"))
    night()
    assert told[:2] == [None, None]
    assert told[2] is not None and told[2].counts == {"added": 0, "removed": 0, "changed": 1, "moved": 0}
    assert (first.reused, second.reused) == (False, True)
    assert first.counts["train"] == first.counts["eval"] == first.counts["quarantined"] == 1
    assert json.loads(Artifact.get("data-quarantine").data) == [{"reason": "unknown column", "rows": 1}]
    assert json.loads(Artifact.get("data-summary").data) == [
        {"split": split, "language": "en", "complexity": "basic SQL", "rows": 1} for split in ("eval", "train")
    ]
