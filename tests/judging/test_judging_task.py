"""The door, in a real flow run against a real (ephemeral) Prefect server: where the key comes from and stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import faulty_server
from judging_rows import KEY, make_rows, settings
from prefect import flow
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    TaskRunFilter,
    TaskRunFilterName,
)
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from prefect.testing.utilities import prefect_test_harness

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.judging.config import JudgingConfig
from tasks.judging.task import judge


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@flow
def night(stage: StageOutput, config: JudgingConfig, store: str) -> StageOutput:
    return judge(stage, stage, stage, "challenger", config, stage, store)


@pytest.fixture
def stage(tmp_path: Path) -> StageOutput:
    rows = make_rows(4).rename(columns={"gold": "answer"}).assign(language="en", complexity="aggregation")
    rows.drop(columns="sql").to_parquet(tmp_path / "eval.parquet")
    rows[["example_id", "sql"]].to_parquet(tmp_path / "predictions.parquet")
    return StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)


@pytest.mark.usefixtures("_server")
def test_the_key_comes_from_the_environment_or_a_secret_block_and_is_never_told(
    stage: StageOutput,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    store = str(tmp_path / "store")
    monkeypatch.setattr("tasks.judging.task.CHUNK_DELAYS_S", [0.05])
    with faulty_server(lambda number, nth: "503" if number == 0 else "ok") as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        config = settings(rows=4, base_url=server.url, attempts=1)
        assert night(stage, config, store).counts["errors"] == 1
        assert "1 of 4 rows got no answer" in caplog.text

        monkeypatch.delenv("OPENAI_API_KEY")
        Secret(value=KEY).save("judge-key")
        server.behave = lambda number, nth: "ok"
        from_block = settings(rows=4, base_url=server.url, secret_block="judge-key")
        assert night(stage, from_block, store).counts["asked"] == 1

        server.behave = lambda number, nth: "401"
        with pytest.raises(InputError, match="the key was refused"):
            night(stage, from_block.model_copy(update={"model": "other"}), store)
        with pytest.raises(InputError, match="no Secret block 'none-such'"):
            night(stage, from_block.model_copy(update={"secret_block": "none-such"}), store)
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.is_file()]
        assert not any(KEY.encode() in line for line in lines)
    printed = capfd.readouterr()
    assert KEY not in caplog.text + printed.out + printed.err
    assert all(KEY.encode() not in path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    url = str(PREFECT_API_DATABASE_CONNECTION_URL.value())
    database = Path(url.partition("///")[2])
    files = [database, *database.parent.glob(f"{database.name}-*")]
    text = b"".join(file.read_bytes() for file in files)
    assert b"judge challenger" in text  # it is the database that the runs were written to
    assert KEY.encode() not in text


@pytest.mark.usefixtures("_server")
def test_a_chunk_is_retried_and_one_that_fails_loses_no_other(
    stage: StageOutput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.judging.task.CHUNK_DELAYS_S", [0.05, 0.05])
    monkeypatch.setattr("tasks.llm.asking.CHUNK", 2)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    never, late = 0, 2  # drawn into two chunks or into one, as the draw has it

    def behave(number: int, nth: int) -> str:
        return "503" if number == never or (number == late and nth == 1) else "ok"

    with faulty_server(behave) as server:
        made = night(stage, settings(rows=4, base_url=server.url, attempts=1), str(tmp_path / "store"))
        assert [server.asked[number] for number in range(4)] == [3, 1, 2, 1]
    assert (made.counts["rows"], made.counts["yes"], made.counts["no"], made.counts["errors"]) == (4, 1, 2, 1)
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            task_run_filter=TaskRunFilter(name=TaskRunFilterName(like_="judge challenger, chunk"))
        )
        states = {run.name: run.state_type for run in runs if run.run_count == 3 or run.state_type != "FAILED"}
        artifact = client.read_latest_artifacts(
            artifact_filter=ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=["verdicts-challenger"]))
        )
    assert "FAILED" in states.values() and set(states) >= {"judge challenger, chunk 1", "judge challenger, chunk 2"}
    assert "1 yes, 2 no, 0 unjudged, 1 without an answer" in str(artifact[0].description)
