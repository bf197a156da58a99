"""The door of publishing, in real flow runs: the token from a block, and no promotion after a failed upload."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import CONFIG, LocalHub
from made import TOKEN, Made
from prefect import flow
from prefect.blocks.system import Secret
from prefect.testing.utilities import prefect_test_harness

from flows.promote import promote_model, publish_model, roll_back
from tasks.common.errors import InputError, StageError
from tasks.models import registry
from tasks.publishing.config import PublishConfig
from tasks.publishing.task import publish_if_better


@flow
def end_of_a_night(made: Made, config: PublishConfig, store: str) -> list[str]:
    return publish_if_better(made.challenger, made.refs, config, store)


def test_publish_then_promote_and_back(
    hub: LocalHub, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    shutil.copytree(made.store, store)
    monkeypatch.delenv("HF_TOKEN")
    config = CONFIG.model_copy(update={"secret_block": "hub-token"})
    with prefect_test_harness(server_startup_timeout=120):
        with pytest.raises(InputError, match="no Secret block 'hub-token'"):
            end_of_a_night(made, config, str(store))
        Secret(value=TOKEN).save("hub-token")  # type: ignore[arg-type, unused-coroutine]
        hub.fail(("POST", "/me/text2sql/commit/main", "500", 99))
        with pytest.raises(StageError, match="upload to me/text2sql failed 6 times"):
            promote_model("v2", by="Kim", why="better", publish=config, store=str(store))
        assert registry.read_aliases(store).champion == "v1"
        hub.fail()
        places = end_of_a_night(made, config, str(store))
        assert [place.partition("@")[0] for place in places] == ["me/text2sql-adapter", "me/text2sql"]
        assert set(hub.head("me/text2sql")["tags"]) == {"v2", "champion"}
        assert "v2 (tuned) is in use" in promote_model("v2", by="Kim", why="better", publish=config, store=str(store))
        roll_back(by="Kim", why="worse", store=str(store))
        with pytest.raises(InputError, match="no night has measured version 'v1'"):
            publish_model("v1", config, str(store))
    for folder in (store, hub.folder, Path(os.environ["PREFECT_HOME"])):
        held = [file for file in folder.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
        assert not held
