from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, hash_folder, run_stage
from tasks.improving.config import ImproveConfig
from tasks.improving.learn import settings_of
from tasks.improving.start import check_start, start_of
from tasks.models import registry
from tasks.models.records import Lineage, Model
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.training.config import TrainingConfig

PROMPT = load_prompt(PromptConfig())


def adapter(store: Path, quantization: str = "int8") -> StageOutput:
    def build(folder: Path) -> dict[str, int | float | str]:
        (folder / "training.json").write_text(json.dumps({"quantization": quantization}))
        return {"steps": 3}

    return run_stage(store, "adapter", inputs={}, code=[], build=build)


def use(store: Path, kind: str, made_of: StageOutput | None = None) -> Path:
    """Put a model of `kind` in use; its folder has no weights, as nothing here loads it."""
    folder = store / kind
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    if kind == "merged":
        PROMPT.save(folder)
    told = Model(
        label=kind,
        kind=kind,
        path=str(folder),
        sha256=hash_folder(folder),
        prompt_sha256=PROMPT.hash,
        lineage=Lineage(base="package:small", base_sha256="abc", adapter=made_of.key if made_of else None),
    )
    registry.promote(store, registry.register(store, told).version, {}, "a test", "to have one")
    return folder


def test_a_round_starts_from_the_adapter_and_prompt_of_the_model_in_use(tmp_path: Path) -> None:
    made = adapter(tmp_path)
    folder = use(tmp_path, "merged", made)
    start = start_of(tmp_path)
    assert (start.version.version, start.prompt) == ("v1", PROMPT)
    assert (start.adapter.key, start.adapter.sha256, start.adapter.path) == (made.key, made.sha256, made.path)
    check_start(start, made.model_copy(update={"sha256": "abc"}))
    with pytest.raises(InputError, match=r"model\.base: v1 \(merged\) was made from other weights of 'package:small'"):
        check_start(start, made)
    (folder / "config.json").write_text("{ }")
    with pytest.raises(InputError, match=r"the files of v1 \(merged\) are not those that were registered"):
        check_start(start, made)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"the files of v1 \(merged\) are gone"):
        start_of(tmp_path)


def test_before_the_first_night_there_is_nothing_to_improve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing tuned is in use yet"):
        start_of(tmp_path)
    use(tmp_path, "base")
    with pytest.raises(InputError, match="nothing tuned is in use yet"):
        start_of(tmp_path)


def test_an_adapter_that_is_gone_is_named(tmp_path: Path) -> None:
    made = adapter(tmp_path)
    use(tmp_path, "merged", made)
    shutil.rmtree(made.path)
    with pytest.raises(InputError, match=rf"the adapter of v1 \(merged\) is gone.*{made.key}"):
        start_of(tmp_path)


def test_a_round_holds_the_base_as_the_adapter_was_trained_on_it(tmp_path: Path) -> None:
    training = TrainingConfig(learning_rate=2e-3, quantization="nf4", batch_size=2, validation_rows=10)
    found = settings_of(adapter(tmp_path), ImproveConfig(method="dpo", epochs=2, seed=7), training)
    assert (found.quantization, found.epochs, found.seed, found.validation_rows) == ("int8", 2, 7, 0)
    assert found.batch_size == 2
    assert found.learning_rate == pytest.approx(2e-3 / 40)
    own = settings_of(adapter(tmp_path), ImproveConfig(learning_rate=1e-4), training)
    assert own.learning_rate == 1e-4
