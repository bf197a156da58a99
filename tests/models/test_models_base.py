from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.models.base import base_model, check_base
from tasks.models.config import ModelConfig


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(InputError, match="'package:no_such_weights': no Python package 'no_such_weights'"):
        check_base(ModelConfig(base="package:no_such_weights"))


def test_a_package_without_weights_is_named() -> None:
    with pytest.raises(InputError, match=r"'package:yaml': expected one \.gguf file in the package, found 0"):
        check_base(ModelConfig(base="package:yaml"))


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json"):
        check_base(ModelConfig(base=str(tmp_path)))


@pytest.mark.parametrize("base", ["nobody/no-such-model", "not a name"])
def test_an_unknown_model_is_one_line_that_names_it(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=f"model.base: '{base}' is no package, no folder and") as error:
        check_base(ModelConfig(base=base))
    assert "\n" not in str(error.value)


def test_without_a_network_one_line_says_so() -> None:
    code = "from tasks.models.base import *; check_base(ModelConfig(base='nobody/no-such-model'))"
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert out.stderr.splitlines()[-1].endswith("and the Hugging Face Hub cannot be reached (ConnectError)")


@pytest.mark.slow
def test_packaged_weights_become_a_model_that_answers_and_stops(model_store: Path) -> None:
    from tasks.models.loading import load_model, load_tokenizer

    output = base_model(ModelConfig(), model_store)
    model, tokenizer = load_model(output.path, "float32"), load_tokenizer(output.path)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert not hasattr(model.config, "quantization_config")
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    written = model.generate(**ids, max_new_tokens=20, do_sample=False)[0][ids["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(written)
    assert written[-1] == tokenizer.eos_token_id
    assert base_model(ModelConfig(), model_store).reused
