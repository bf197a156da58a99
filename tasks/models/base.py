"""The base model: found in an installed package, a folder or on the Hugging Face Hub."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.common.process import read_job, run_module
from tasks.common.store import Counts, StageOutput, hash_folder, run_stage
from tasks.models.config import ModelConfig

PACKAGE = "package:"
# Environment of child processes: by the time they start, every file they need is on this machine.
CHILD_ENV = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # in the child itself: it ends with it, and schedules alike each time
    "OMP_WAIT_POLICY": "passive",  # threads that spin while they wait make a shared machine many times slower
}


def check_base(config: ModelConfig) -> None:
    """Find the base model without loading it.

    Raises:
        InputError: it is nowhere; the message names it and where it was looked for.
    """
    if config.base.startswith(PACKAGE):
        packaged_weights(config.base)
    elif not _is_folder(config.base):
        _hub_commit(config)


def base_model(config: ModelConfig, store: Path, deadline_s: float = 1_800) -> StageOutput:
    """The folder of the base model in transformers' own format.

    GGUF weights of a package are converted once, in a process of its own, and kept in the store; a folder is
    used where it is; a Hub model is downloaded to the Hub's own cache.
    """
    if config.base.startswith(PACKAGE):
        weights = packaged_weights(config.base)

        def build(folder: Path) -> Counts:
            job = {"weights": str(weights), "dtype": config.precision, "folder": str(folder)}
            run_module("tasks.models.base", job, folder, deadline_s=deadline_s, env=CHILD_ENV)
            return {"base": config.base, "megabytes": _megabytes(folder)}

        inputs = {
            "base": config.base,
            "file": weights.name,
            "bytes": weights.stat().st_size,
            "dtype": config.precision,
        }
        return run_stage(store, "base_model", inputs=inputs, code=["tasks.models.base"], build=build)
    if _is_folder(config.base):
        folder = Path(config.base).resolve()
        return _reference(folder, {"base": config.base})
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
    folder = Path(snapshot_download(config.base, revision=_hub_commit(config), allow_patterns=wanted))
    return _reference(folder, {"base": config.base, "revision": folder.name})


def packaged_weights(base: str) -> Path:
    """The GGUF file inside the installed package `package:NAME`; the package is not imported."""
    name = base.removeprefix(PACKAGE)
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or spec.origin is None:
        raise InputError(f"model.base: '{base}': no Python package '{name}' is installed")
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if len(files) != 1:
        raise InputError(f"model.base: '{base}': expected one .gguf file in the package, found {len(files)}")
    return files[0]


def _is_folder(base: str) -> bool:
    if not Path(base).is_dir():
        return False
    if not (Path(base) / "config.json").is_file():
        raise InputError(f"model.base: folder '{base}' has no config.json, so it is not a saved model")
    return True


def _hub_commit(config: ModelConfig) -> str:
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    problem = f"model.base: '{config.base}' is no package, no folder and "
    try:
        if os.environ.get("HF_HUB_OFFLINE") == "1":
            return Path(snapshot_download(config.base, revision=config.revision, local_files_only=True)).name
        commit = HfApi().model_info(config.base, revision=config.revision, timeout=10).sha
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise InputError(f"{problem}no model of the Hugging Face Hub ({type(error).__name__})") from None
    except (httpx2.TransportError, OSError) as error:
        raise InputError(f"{problem}the Hugging Face Hub cannot be reached ({type(error).__name__})") from None
    return str(commit)


def _reference(folder: Path, counts: Counts) -> StageOutput:
    content = hash_folder(folder)
    return StageOutput(
        stage="base_model",
        key=content[:20],
        path=str(folder),
        sha256=content,
        counts={**counts, "megabytes": _megabytes(folder)},
        seconds=0,
        reused=True,
    )


def _megabytes(folder: Path) -> int:
    return round(sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6)


def convert_gguf(weights: Path, dtype: str, folder: Path) -> None:
    """Read quantised GGUF weights and save them as an ordinary model of precision `dtype`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    # The weights are plain tensors now; what is left of the quantisation would stop `save_pretrained`.
    model.is_quantized = False
    del model.hf_quantizer
    del model.config.quantization_config
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name).save_pretrained(folder)


if __name__ == "__main__":
    told = read_job()
    convert_gguf(Path(told["weights"]), told["dtype"], Path(told["folder"]))
