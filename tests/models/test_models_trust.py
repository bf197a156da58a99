"""A model's folder and a model's repository bring weights, never code; nothing of ours runs what it reads."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.models.base import base_model
from tasks.models.config import ModelConfig

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("tasks", "flows", "deployments") for path in (ROOT / folder).rglob("*.py"))
CODE = "from pathlib import Path\nPath({trap!r}).touch()\n"
NEVER = {"eval", "exec", "pickle.load", "pickle.loads", "torch.load", "os.system", "yaml.load", "marshal.loads"}


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.path),)


def dangers(source: str) -> Iterator[str]:
    """Calls in `source` that run what they read, or allow a library to."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        if (name := ast.unparse(node.func)) in NEVER:
            yield name
        for keyword in node.keywords:
            allowed = isinstance(keyword.value, ast.Constant) and not keyword.value.value
            if keyword.arg in {"trust_remote_code", "shell"} and not allowed:
                yield str(keyword.arg)


def test_no_line_runs_what_it_reads() -> None:
    found = {str(path.relative_to(ROOT)): list(dangers(path.read_text("utf-8"))) for path in SOURCES}
    assert len(found) > 100
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line", ["torch.load(f)", "AutoModel.from_pretrained(f, trust_remote_code=True)", "run(c, shell=config.shell)"]
)
def test_a_line_that_does_is_found(line: str) -> None:
    assert len(list(dangers(line))) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder that would make the file `trap` if its code were run."""
    made = tmp_path / "model"
    made.mkdir()
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel", "AutoTokenizer": "own.OwnTokenizer"}
    config = {"model_type": "own", "architectures": ["OwnModel"], "auto_map": names}
    (made / "config.json").write_text(json.dumps(config))
    (made / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "OwnTokenizer", "auto_map": names}))
    (made / "own.py").write_text(CODE.format(trap=str(tmp_path / "trap")))
    return made


@pytest.mark.parametrize("what", ["load_model", "load_tokenizer"])
def test_code_in_a_models_folder_is_not_run(what: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.models import loading

    monkeypatch.setattr("builtins.input", lambda *_: "y")  # were transformers to ask who sits before it
    arguments = ("float32",) if what == "load_model" else ()
    with pytest.raises((ValueError, OSError, KeyError)):
        getattr(loading, what)(str(folder), *arguments)
    assert not (folder.parent / "trap").exists()


def test_pickled_weights_are_not_read(folder: Path) -> None:
    from tasks.models.loading import load_model

    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1}
    (folder / "config.json").write_text(json.dumps({**config, "num_attention_heads": 2, "vocab_size": 16}))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(str(folder.parent / "trap"))))
    with pytest.raises(OSError, match="safetensors"):
        load_model(str(folder), "float32")
    assert not (folder.parent / "trap").exists()


def test_the_traps_are_real(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(str(tmp_path / "a"))))
    exec(CODE.format(trap=str(tmp_path / "b")))
    assert (tmp_path / "a").exists() and (tmp_path / "b").exists()


def test_of_a_hub_repository_no_code_and_no_pickle_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patterns: list[str] = []

    def download(*_: Any, allow_patterns: list[str], **__: Any) -> str:
        patterns.extend(allow_patterns)
        (tmp_path / "commit").mkdir()
        return str(tmp_path / "commit")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: SimpleNamespace(sha="1234"))
    base_model(ModelConfig(base="owner/name"), tmp_path / "store")

    def fetched(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns)

    kept_out = [
        "modeling_own.py",
        "pytorch_model.bin",
        "model.pt",
        "model.pkl",
        "training_args.bin",
        "own.so",
        "run.sh",
    ]
    assert [name for name in kept_out if fetched(name)] == []
    assert fetched("config.json") and fetched("model-00001-of-00002.safetensors")
