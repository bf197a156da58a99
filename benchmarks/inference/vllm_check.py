"""The vLLM engine: whether vLLM takes our arguments, and on a GPU its speed and whether it answers as transformers.

Where the extra `vllm` is missing it says what to type on a machine with a GPU; without a GPU only arguments are tried.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.inference.work import (
    BATCH_SIZE,
    MAX_NEW_TOKENS,
    PACKAGES,
    PROMPT,
    bench,
    english_rows,
    tuned_adapter,
    tuned_model,
)
from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.training.work import DTYPE, LAPTOP
from tasks.common.store import Counts, StageOutput
from tasks.inference.ask import how_to_serve
from tasks.inference.predict import answer
from tasks.inference.vllm_engine import adapter_rank, engine_arguments, sampling_arguments
from tasks.models.loading import device_name

COMMANDS = """; on a machine with a GPU:
  pip install -e '.[vllm]'
  python -m benchmarks.inference --only vllm_check"""
DEADLINE_S = 3_600


def run(quick: bool) -> Part:
    """Try the arguments; answer the English rows with both engines, merged model and adapter."""
    if importlib.util.find_spec("vllm") is None:
        print(f"vllm_check: vLLM is not installed, so nothing was tried{COMMANDS}", flush=True)
        return Part({}, PACKAGES)
    import vllm
    import vllm.platforms

    has_device = not vllm.platforms.current_platform.is_unspecified()
    if not has_device:
        from vllm.platforms.cpu import CpuPlatform

        vllm.platforms.current_platform = CpuPlatform()  # as vLLM's own benchmarks do, for its parser asks for one
    figures: dict[str, Any] = {"vllm": vllm.__version__, "commands_taken": _try_arguments()}
    if not has_device:
        print(f"vllm_check: vLLM sees no device, so it took arguments but answered nothing{COMMANDS}", flush=True)
        return Part(figures, PACKAGES)
    rows = english_rows()
    rows = rows.head(8) if quick else rows
    figures |= {"device": device_name(), "rows": len(rows), "dtype": DTYPE}
    table = []
    for name, model, base in (("merged", tuned_model(), None), ("adapter", tuned_adapter()[1], bench().base)):
        counts, answers = {}, {}
        for engine in ("transformers", "vllm"):
            counts[engine], answers[engine] = _answers(engine, model, base, rows)
            table.append({"model": name, "engine": engine, **counts[engine]})
            figures[f"{name}_{engine}_rows_per_s"] = counts[engine]["rows_per_s"]
        same = answers["transformers"] == answers["vllm"]
        figures[f"{name}_same_answers_pct"] = round(100 * float(same.mean()), 1)
    show(f"{len(rows)} English rows on {device_name()}", table)
    return Part(figures, PACKAGES, {"table": table})


def _answers(engine: str, model: Path, base: StageOutput | None, rows: pd.DataFrame) -> tuple[Counts, pd.Series]:
    settings = {
        "engine": engine,
        "dtype": DTYPE,
        "quantization": "none",
        "batch_size": BATCH_SIZE,
        "max_new_tokens": MAX_NEW_TOKENS,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.to_parquet(folder / "rows.parquet")
        counts = answer(str(model), folder / "rows.parquet", PROMPT, folder, settings, DEADLINE_S, base=base)
        return counts, pd.read_parquet(folder / "predictions.parquet")["sql"]


def _try_arguments() -> int:
    """Hand our arguments to vLLM's own classes and our command lines to its own parser.

    Returns:
        How many command lines were taken; one that is not ends the run with the parser's message.
    """
    from vllm import EngineArgs, SamplingParams
    from vllm.lora.request import LoRARequest

    model, (base, adapter) = str(tuned_model()), map(str, tuned_adapter())
    EngineArgs(**engine_arguments(model, None, DTYPE, 512))
    EngineArgs(**engine_arguments(base, adapter, DTYPE, 512))
    SamplingParams(**sampling_arguments(2, MAX_NEW_TOKENS))
    LoRARequest("adapter", 1, adapter)
    lines = how_to_serve(model, PROMPT, "How many?", "CREATE TABLE t (a INT);", LAPTOP.inference, DTYPE).splitlines()
    commands = [line for line in lines if line.startswith("vllm serve ")]
    lora = f"--enable-lora --max-lora-rank {adapter_rank(adapter)} --lora-modules tuned={shlex.quote(adapter)}"
    commands.append(commands[0].replace(shlex.quote(model), shlex.quote(base)) + f" {lora}")
    for command in commands:
        _parse(command)
    return len(commands)


def _parse(command: str) -> None:
    """Read a `vllm serve` command line as vLLM does."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.cli.serve import cmd_init
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser()
    verbs = parser.add_subparsers(required=True)
    serve = cmd_init()[0]
    serve.subparser_init(verbs)
    arguments = parser.parse_args(shlex.split(command)[1:])
    serve.validate(arguments)
    AsyncEngineArgs.from_cli_args(arguments)
    print(json.dumps({"taken": command}), flush=True)
