"""The door, in a real flow run against a real (ephemeral) Prefect server: where the key comes from and stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_server import faulty_server
from judging_rows import KEY, make_rows, settings
from prefect import flow
from prefect.blocks.system import Secret
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
    return judge(stage, stage, "challenger", config, stage, store)


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
