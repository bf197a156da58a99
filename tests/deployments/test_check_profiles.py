"""Every shipped profile fits its model and its card; an error planted in any field is told with file and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.check_profiles import ARCHITECTURES, architecture_file, check, main
from tasks.config import PROFILES, load_profile

SHIPPED = sorted(PROFILES.glob("*.yaml"))
SOUND: dict[str, Any] = {
    "model": {"base": "microsoft/phi-2", "dtype": "float16"},
    "training": {"gpu": "T4", "max_length": 1024, "activation_checkpointing": True, "rows_per_sequence": 1},
    "inference": {"batch_size": 4},
}


def write(folder: Path, section: str = "training", **changed: Any) -> Path:
    """A sound profile for Phi-2 on a T4, but for what is `changed` in a section."""
    path = folder / "planted.yaml"
    path.write_text(yaml.safe_dump({**SOUND, section: {**SOUND[section], **changed}}))
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_is_sound_and_says_how_to_launch_it(path: Path) -> None:
    checked = check(path)
    assert checked.problems == []
    assert checked.memory is not None and checked.memory.total > 0
    header = path.read_text("utf-8").partition("\n\n")[0]
    command = "compare" if "compare" in load_profile(path.stem).model_fields_set else "nightly"
    assert f"make {command} PROFILE={path.stem}" in header or path.stem == "laptop"
    if not load_profile(path.stem).model.base.startswith("package:"):
        assert f"Weights: {load_profile(path.stem).model.base}" in header
        assert load_profile(path.stem).training.gpu is not None


def test_the_profile_without_planted_error_is_sound(tmp_path: Path) -> None:
    assert check(write(tmp_path)).problems == []


@pytest.mark.parametrize(
    ("section", "changed", "told"),
    [
        ("training", {"target_modules": ["q_proj", "o_proj"]}, "training.target_modules: o_proj: not in the model"),
        ("training", {"target_modules": ["lm_head"]}, "some of dense, fc1, fc2, k_proj, q_proj, v_proj"),
        ("training", {"target_modules": r".*\.gate_proj"}, "training.target_modules: .*\\.gate_proj: not in the model"),
        ("training", {"max_length": 4096}, "training.max_length: 4096; expected at most the model's 2048 positions"),
        ("inference", {"max_new_tokens": 1500}, "inference.max_new_tokens: with training.max_length 2524; expected"),
        ("training", {"batch_size": 64, "activation_checkpointing": False}, "training.batch_size: "),
        ("training", {"gpu": "T5"}, "training.gpu: no card of this name is known; known: T4"),
        ("training", {"lora_q": 8}, "unknown key 'training.lora_q'; did you mean 'lora_r'?"),
        ("model", {"dtype": "bfloat16"}, "model.dtype: a T4 does not compute in bfloat16; expected float16 or auto"),
        ("model", {"base": "microsoft/phi-9"}, "has no architecture file; expected its config.json as architectures/"),
        ("inference", {"batch_size": 512}, "inference.batch_size: the merged model needs "),
    ],
)
def test_a_planted_error_is_told_with_file_and_key(
    section: str, changed: dict[str, Any], told: str, tmp_path: Path
) -> None:
    (problem,) = check(write(tmp_path, section, **changed)).problems
    assert problem.startswith("planted.yaml: ")
    assert told in problem


def test_what_does_not_fit_is_told_with_its_parts_and_what_to_lower(tmp_path: Path) -> None:
    path = write(tmp_path, batch_size=64, rows_per_sequence=4, activation_checkpointing=False, quantization="none")
    (problem,) = check(path).problems
    for part in ("weights 5.6", "activations", "15.6 GB of a T4", "lower training.batch_size or training.max_length"):
        assert part in problem
    assert "training.rows_per_sequence, or set training.activation_checkpointing, or training.quantization" in problem


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"eos_token_id": None}, "model.base: the architecture has no eos_token_id"),
        ({"model_type": "phi-nine"}, "model.base: {folder}/microsoft--phi-2.json: not usable"),
        ({"num_attention_heads": "many"}, "model.base: {folder}/microsoft--phi-2.json: not usable"),
    ],
)
def test_an_architecture_that_is_wrong_is_told(changed: dict[str, Any], told: str, tmp_path: Path) -> None:
    name = architecture_file("microsoft/phi-2")
    values = json.loads((ARCHITECTURES / name).read_text("utf-8"))
    (tmp_path / name).write_text(json.dumps(values | changed))
    (problem,) = check(write(tmp_path), tmp_path).problems
    assert told.format(folder=tmp_path.name) in problem


def test_the_command_prints_a_line_a_profile_and_fails_on_a_wrong_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(PROFILES / "tiny.yaml")]) == 0
    assert "tiny" in capsys.readouterr().out
    assert main([str(write(tmp_path, max_length=4096))]) == 1
    out, err = capsys.readouterr()
    assert "planted" in out and "wrong" in out
    assert err.startswith("planted.yaml: training.max_length: 4096") and err.count("\n") == 1
