"""Checks every profile against the architecture of its model and the card it names: no weights, no GPU, no network.

python -m deployments.check_profiles [FOLDER_OR_FILE ...]
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub.errors import StrictDataclassError
from rich.console import Console
from rich.table import Table
from transformers import AutoConfig
from transformers.utils import logging

from tasks.common.errors import InputError
from tasks.config import PROFILES, NightlyConfig, load_profile
from tasks.training.config import TrainingConfig
from tasks.training.gpus import GPUS, Gpu
from tasks.training.memory import Memory, fits, largest_batch, linear_modules, predict_answering, predict_memory

ARCHITECTURES = Path(__file__).parent / "architectures"


class Checked(NamedTuple):
    """What became of a profile: its problems, one a line, and its memory if that could be predicted."""

    path: Path
    problems: list[str]
    config: NightlyConfig | None = None
    memory: Memory | None = None


def check(path: Path, architectures: Path = ARCHITECTURES) -> Checked:
    """Check one profile.

    Args:
        path: the YAML file.
        architectures: folder of the models' published `config.json`, named as `architecture_file` says.
    """
    try:
        config = load_profile(str(path))
    except InputError as error:
        return Checked(path, [str(error).removeprefix(f"{path.parent}/")])
    try:
        architecture = load_architecture(config.model.base, architectures)
    except InputError as error:
        return Checked(path, [f"{path.name}: {error}"], config)
    gpu = GPUS[config.training.gpu] if config.training.gpu else None
    dtype = precision(config, gpu)
    problems = [*_model_problems(config, architecture), *_precision_problems(config, gpu)]
    memory = None
    if not problems:  # else it would be that of another training
        memory = predict_memory(architecture, config.training, dtype, "cuda" if gpu else "cpu")
        if gpu and not fits(memory, gpu):
            problems.append(_too_large(config.training, gpu, memory))
        problems += _answering_problems(config, architecture, dtype, gpu)
    return Checked(path, [f"{path.name}: {problem}" for problem in problems], config, memory)


def load_architecture(base: str, folder: Path = ARCHITECTURES) -> Any:
    """The transformers configuration of a base model, from its published `config.json` in `folder`.

    Raises:
        InputError: there is no such file, it is not JSON, or transformers does not know the model.
    """
    path = folder / architecture_file(base)
    try:
        values = json.loads(path.read_text("utf-8"))
        return AutoConfig.for_model(**values)
    except OSError:
        raise InputError(
            f"model.base: '{base}' has no architecture file; expected its config.json as "
            f"{folder.name}/{architecture_file(base)}"
        ) from None
    except (ValueError, TypeError, StrictDataclassError) as error:  # not JSON, or no model that transformers takes
        told = " ".join(str(error).split())
        raise InputError(f"model.base: {folder.name}/{path.name}: not usable: {told:.200}") from None


def architecture_file(base: str) -> str:
    """`ORG--NAME.json` for a Hub id, `NAME.json` for a package."""
    return base.removeprefix("package:").replace("/", "--") + ".json"


def precision(config: NightlyConfig, gpu: Gpu | None) -> str:
    """`model.dtype`, with 'auto' decided for the card; without one, bfloat16."""
    if config.model.dtype != "auto":
        return config.model.dtype
    return "float16" if gpu and not gpu.bf16 else "bfloat16"


def _model_problems(config: NightlyConfig, architecture: Any) -> Iterator[str]:
    unknown = _unknown_targets(config.training, known := linear_modules(architecture))
    if unknown:
        names = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in known}))
        wrong = ", ".join(unknown)
        yield f"training.target_modules: {wrong}: not in the model; expected 'all-linear' or some of {names}"
    longest = architecture.max_position_embeddings
    if config.training.max_length > longest:
        yield f"training.max_length: {config.training.max_length}; expected at most the model's {longest} positions"
    elif (together := config.training.max_length + config.inference.max_new_tokens) > longest:
        yield (
            f"inference.max_new_tokens: with training.max_length {together}; expected at most the model's {longest} "
            "positions"
        )
    if architecture.eos_token_id is None:
        yield "model.base: the architecture has no eos_token_id; expected one, or the model never stops"


def _unknown_targets(config: TrainingConfig, known: set[str]) -> list[str]:
    targets = config.target_modules
    if targets == "all-linear":
        return []
    if isinstance(targets, str):  # a pattern, as peft takes it
        return [] if any(re.fullmatch(targets, f"model.layers.0.{name}") for name in known) else [targets]
    return [target for target in targets if not any(f".{name}".endswith(f".{target}") for name in known)]


def _precision_problems(config: NightlyConfig, gpu: Gpu | None) -> Iterator[str]:
    if gpu and not gpu.bf16 and config.model.dtype == "bfloat16":
        yield f"model.dtype: a {config.training.gpu} does not compute in bfloat16; expected float16 or auto"


def _too_large(config: TrainingConfig, gpu: Gpu, memory: Memory) -> str:
    lower = ["training.max_length"]
    if config.batch_size > 1:
        lower.insert(0, "training.batch_size")
    if config.rows_per_sequence > 1:
        lower.append("training.rows_per_sequence")
    cure = f"lower {' or '.join(lower)}"
    if not config.activation_checkpointing:
        cure += ", or set training.activation_checkpointing"
    if config.quantization != "nf4":
        cure += ", or training.quantization: nf4"
    batch = largest_batch(config)
    return (
        f"training.batch_size: {memory.total / 1000:.1f} GB for {batch.rows} x {batch.tokens} tokens ({memory}); "
        f"expected at most the {gpu.memory_mb / 1000:.1f} GB of a {config.gpu}: {cure}"
    )


def _answering_problems(config: NightlyConfig, architecture: Any, dtype: str, gpu: Gpu | None) -> Iterator[str]:
    rows, tokens = config.inference.batch_size, config.training.max_length + config.inference.max_new_tokens
    needed = predict_answering(architecture, dtype, rows, tokens)
    if gpu and needed > gpu.memory_mb:
        yield (
            f"inference.batch_size: the merged model needs {needed / 1000:.1f} GB for {rows} x {tokens} tokens; "
            f"expected at most the {gpu.memory_mb / 1000:.1f} GB of a {config.training.gpu}: lower it"
        )


def table(checked: Sequence[Checked]) -> Table:
    """One line a profile: the memory predicted for its training beside that of its card."""
    shown = Table("profile", "batch", "predicted", "card", "has", "")
    for one in checked:
        batch, predicted, card, memory = "", "", "", ""
        if one.config:
            training = one.config.training
            sizes = largest_batch(training)
            batch, card = f"{sizes.rows} x {sizes.tokens}", training.gpu or "CPU"
            memory = f"{GPUS[training.gpu].memory_mb / 1000:.1f} GB" if training.gpu else ""
        if one.memory:
            predicted = f"{one.memory.total / 1000:.1f} GB"
        shown.add_row(one.path.stem, batch, predicted, card, memory, "[red]wrong[/]" if one.problems else "ok")
    return shown


def main(arguments: list[str]) -> int:
    """Check the profiles that are shipped, or those named; the status is 1 if anything is wrong."""
    logging.set_verbosity_error()
    warnings.simplefilter("ignore", FutureWarning)  # of transformers, about what peft asks it
    named = [Path(argument) for argument in arguments] or [PROFILES]
    paths = [path for one in named for path in (sorted(one.glob("*.yaml")) if one.is_dir() else [one])]
    checked = [check(path) for path in paths]
    Console().print(table(checked))
    for problem in (problem for one in checked for problem in one.problems):
        print(problem, file=sys.stderr)
    return int(any(one.problems for one in checked))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
