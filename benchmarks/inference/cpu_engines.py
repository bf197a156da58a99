"""Whether another engine answers faster than ours on a CPU with the same answers: CTranslate2 and OpenVINO GenAI.

Rule: adopt one that is at least 1.3 times as fast at identical answers. Result: none; these figures are kept as a
negative result. SmolLM2-135M, tuned, 112 rows over three schemas, batch 112, Xeon with AVX-512 and AMX, rows a CPU
second and raw answers equal to those of fp32, one prompt at a time (which takes 0.6 rows a second):

                 transformers, ours     CTranslate2 4.8.5      OpenVINO GenAI 2026.4.1
    float32      3.65   112 of 112      2.36   112 of 112      3.45   112 of 112
    bfloat16     6.86    94             not on a CPU           9.23    99
    int8         -                      4.27    59             5.29    88

In batches of 56 of one schema each, which ours made before, OpenVINO had been 1.3 times as fast in float32: what it
gained was the larger batch. In bfloat16 its fused AMX kernels are 1.3 to 1.6 times as fast and as near to fp32, but:

- Making its format takes 22 CPU seconds; the 112 rows take us 16, and it saves 4 to 6 of them: a model would have to
  answer some 500 rows before it pays.
- Its converter, optimum-intel 2.2.0, asks for transformers below 5.6 and huggingface-hub below 1.22, so it needs an
  environment of its own, with a second torch.
- With one thread, or two on one core, these kernels divide by zero (SIGFPE in libopenvino_intel_cpu_plugin; two
  threads on two cores work), and in float16 it answers with nothing.

Traps. CTranslate2 leaves out the end token unless told `return_end_token`; `';` is one token; what lies beyond a
batch's shortest prompt is read one token at a time. OpenVINO holds its cache in 8 bits unless told. A second run over
the same prompts finds them in its prefix cache, 7.9 rows a second: here every run is a new process, and what an engine
sets up at its first row counts. ONNX Runtime GenAI 0.18.0 was tried by hand: at most 32 rows a batch, no shared
prefix, 1.75 rows a second in float32, and only 50 of 112 the same, most likely for the padding on the left.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.inference.ways import one_by_one, ours
from benchmarks.inference.work import BATCH_SIZE, MAX_NEW_TOKENS, PROMPT, english_rows, tuned_model
from benchmarks.parts import Part
from benchmarks.record import Row, show
from tasks.common.errors import StageError
from tasks.common.process import as_child, run_module
from tasks.inference.answer import is_complete
from tasks.models.base import CHILD_ENV
from tasks.models.loading import load_model, load_tokenizer
from tasks.prompts.tokens import Ids, encode_prompts, shared_prefix

Ask = Callable[[Sequence[Ids]], list[str]]

ROUNDS = 2
DEADLINE_S = 1_800
SAME_SCHEMA = 64  # prompts that share so many tokens share a schema; the shortest schema of these rows has 67
REFERENCE = ("one_by_one", "float32")
CANDIDATES = (
    ("transformers", "float32"),
    ("transformers", "bfloat16"),
    ("ctranslate2", "float32"),  # on a CPU it has no bfloat16
    ("ctranslate2", "int8"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
)
PACKAGES = ("torch", "transformers")
DISTRIBUTIONS = {"ctranslate2": "ctranslate2", "openvino": "openvino-genai"}
OPTIMUM = "python -m venv /tmp/optimum && /tmp/optimum/bin/pip install 'optimum-intel[openvino]'"


def run(quick: bool) -> Part:
    """Answer the rows with every engine that is installed, in turn, each time in a process of its own."""
    folder = str(tuned_model())
    rows = english_rows()[:: 8 if quick else 1]
    prompts = encode_prompts(PROMPT, rows, load_tokenizer(folder))
    missing = {engine: how for engine in DISTRIBUTIONS if (how := _how_to_install(engine))}
    for engine, how in missing.items():
        print(f"cpu_engines: {engine} is left out, it takes: {how}", flush=True)
    candidates = [one for one in CANDIDATES if one[0] not in missing]
    rates: dict[tuple[str, str], list[float]] = {one: [] for one in candidates}
    shares: dict[tuple[str, str], float] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        models, spent = _converted(folder, Path(scratch), candidates)
        wanted, seconds = _asked(REFERENCE, folder, folder, prompts, Path(scratch))
        rates[REFERENCE], shares[REFERENCE] = [len(prompts) / seconds], 1.0
        for _ in range(1 if quick else ROUNDS):
            for one in candidates:
                try:
                    answers, seconds = _asked(one, models.get(one, folder), folder, prompts, Path(scratch))
                except StageError as error:
                    failed["_".join(one)] = str(error)
                    print(*one, error, flush=True)
                    continue
                rates[one].append(len(prompts) / seconds)
                shares[one] = sum(a == b for a, b in zip(answers, wanted, strict=True)) / len(wanted)
                print(*one, round(rates[one][-1], 2), round(shares[one], 4), flush=True)
    table: list[Row] = [
        {
            "engine": engine,
            "precision": precision,
            "rows_per_cpu_s": round(statistics.median(rates[engine, precision]), 2),
            "identical_share": round(shares[engine, precision], 4),
            "convert_cpu_s": spent.get((engine, precision)),
        }
        for engine, precision in (REFERENCE, *candidates)
        if rates[engine, precision]
    ]
    show(f"{len(prompts)} rows, medians of runs in turn; convert: before the first row", table)
    figures: dict[str, float | int | str | None] = {"rows": len(prompts), "batch": BATCH_SIZE}
    for line in table:
        name = f"{line['engine']}_{line['precision']}"
        figures |= {f"{name}_{key}": line[key] for key in list(line)[2:] if line[key] is not None}
    packages = (*PACKAGES, *(DISTRIBUTIONS[engine] for engine in DISTRIBUTIONS if engine not in missing))
    return Part(figures, packages, {"failed": failed, "not_installed": missing})


def _how_to_install(engine: str) -> str:
    """What to type so that `engine` can be measured; empty if it can."""
    module = DISTRIBUTIONS[engine].replace("-", "_")
    steps = [] if importlib.util.find_spec(module) else [f"pip install {DISTRIBUTIONS[engine]}"]
    if engine == "openvino" and shutil.which("optimum-cli") is None:
        # Its converter does not go together with our transformers, so it lives elsewhere.
        steps.append(f"{OPTIMUM}, and /tmp/optimum/bin at the end of PATH")
    return "; ".join(steps)


def _converted(
    folder: str, scratch: Path, candidates: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], float]]:
    """Folders of the model in the formats of the candidates, and what making each took, in CPU seconds."""
    models: dict[tuple[str, str], str] = {}
    spent: dict[tuple[str, str], float] = {}
    for engine, precision in candidates:
        if engine not in DISTRIBUTIONS:
            continue
        # Both make bfloat16 out of fp32 when they load; CTranslate2 int8, too.
        weights = "int8" if (engine, precision) == ("openvino", "int8") else "fp32"
        target = scratch / f"{engine}-{weights}"
        if not target.exists():
            before = _cpu_seconds(resource.RUSAGE_CHILDREN)
            _convert(engine, weights, folder, target)
            spent[engine, precision] = round(_cpu_seconds(resource.RUSAGE_CHILDREN) - before, 1)
        models[engine, precision] = str(target)
    return models, spent


def _convert(engine: str, weights: str, folder: str, target: Path) -> None:
    if engine == "ctranslate2":
        command = [sys.executable, "-m", "ctranslate2.converters.transformers", "--model", folder]
        command += ["--output_dir", str(target)]
    else:
        command = ["optimum-cli", "export", "openvino", "--model", folder, "--weight-format", weights]
        command += ["--task", "text-generation-with-past", str(target)]
    subprocess.run(command, check=True)


def _asked(
    one: tuple[str, str], model: str, tokenizer: str, prompts: Sequence[Ids], scratch: Path
) -> tuple[list[str], float]:
    """The answers, each up to where its statement is complete, and the CPU seconds they took.

    Raises:
        StageError: the engine failed or crashed.
    """
    folder = scratch / "_".join(one)
    told: dict[str, Any] = {"engine": one[0], "precision": one[1], "model": model, "tokenizer": tokenizer}
    told |= {"prompts": prompts, "folder": str(folder)}
    env = {**CHILD_ENV, "OMP_NUM_THREADS": "1"}
    run_module("benchmarks.inference.cpu_engines", told, folder, deadline_s=DEADLINE_S, env=env)
    found = json.loads((folder / "answers.json").read_text("utf-8"))
    return [_whole(answer) for answer in found["answers"]], found["cpu_s"]


def _whole(answer: str) -> str:
    """The answer without what an engine wrote behind its end, for not all can be told our stop rule."""
    ends = (n for n in range(1, len(answer)) if is_complete(answer[:n]))
    return answer[: next(ends, len(answer))]


def child(job: Mapping[str, Any]) -> None:
    """Load a model and answer `job["prompts"]`; only the second is measured."""
    ask = ENGINES[job["engine"]](job["model"], job["precision"], load_tokenizer(job["tokenizer"]))
    before = _cpu_seconds(resource.RUSAGE_SELF)
    answers = ask(job["prompts"])
    found = {"answers": answers, "cpu_s": _cpu_seconds(resource.RUSAGE_SELF) - before}
    (Path(job["folder"]) / "answers.json").write_text(json.dumps(found), "utf-8")


def _cpu_seconds(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _with_transformers(model: str, precision: str, tokenizer: Any) -> Ask:
    loaded = load_model(model, precision)
    return lambda prompts: ours(loaded, tokenizer, prompts, BATCH_SIZE, MAX_NEW_TOKENS)


def _one_by_one(model: str, precision: str, tokenizer: Any) -> Ask:
    loaded = load_model(model, precision)
    return lambda prompts: one_by_one(loaded, tokenizer, prompts, 1, MAX_NEW_TOKENS)


def _with_ctranslate2(model: str, precision: str, tokenizer: Any) -> Ask:
    """The prefix of a schema is read once (its static prompt); rows over one schema are one batch.

    A callback for every token could stop a row by our rule, in batches, too; every `;` as an end token does as well.
    """
    ctranslate2: Any = import_module("ctranslate2")
    generator = ctranslate2.Generator(model, device="cpu", compute_type=precision, inter_threads=1, intra_threads=1)
    ends = _ends(tokenizer)

    def ask(prompts: Sequence[Ids]) -> list[str]:
        answers = [""] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda i: prompts[i])
        for _, places in groupby(order, key=lambda i: prompts[i][:SAME_SCHEMA]):
            batch = list(places)
            shared = shared_prefix([prompts[i] for i in batch]) if len(batch) > 1 else 0
            prefix = tokenizer.convert_ids_to_tokens(prompts[batch[0]][:shared])
            results = generator.generate_batch(
                [tokenizer.convert_ids_to_tokens(prompts[i][shared:]) for i in batch],
                max_batch_size=BATCH_SIZE,
                max_length=MAX_NEW_TOKENS,
                static_prompt=prefix or None,
                include_prompt_in_result=False,
                end_token=ends,
                return_end_token=True,  # the `;` is one
            )
            for i, result in zip(batch, results, strict=True):
                answers[i] = tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True)
        return answers

    return ask


def _with_openvino(model: str, precision: str, tokenizer: Any) -> Ask:
    """Continuous batching; blocks of 32 tokens that prompts begin with alike are read once."""
    numpy, openvino, genai = map(import_module, ("numpy", "openvino", "openvino_genai"))
    hint = "bf16" if precision == "bfloat16" else "f32"
    scheduler = genai.SchedulerConfig()
    scheduler.max_num_seqs, scheduler.enable_prefix_caching, scheduler.cache_size = BATCH_SIZE, True, 1
    # Untold, the cache is held in 8 bits. With AMX its kernels for bfloat16 divide by half the number of threads.
    told: dict[str, str | int] = {"INFERENCE_PRECISION_HINT": hint, "KV_CACHE_PRECISION": hint, "NUM_STREAMS": 1}
    told["INFERENCE_NUM_THREADS"] = 2 if hint == "bf16" else 1
    pipeline = genai.ContinuousBatchingPipeline(model, scheduler, "CPU", told)
    config = genai.GenerationConfig(max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    config.eos_token_id, config.stop_token_ids = tokenizer.eos_token_id, set(_ends(tokenizer))

    def ask(prompts: Sequence[Ids]) -> list[str]:
        order = sorted(range(len(prompts)), key=lambda i: prompts[i])
        tensors = [openvino.Tensor(numpy.array([prompts[i]], dtype=numpy.int64)) for i in order]
        results = pipeline.generate(tensors, [config] * len(tensors))
        answers = [""] * len(prompts)
        for i, result in zip(order, results, strict=True):
            answers[i] = tokenizer.decode(result.m_generation_ids[0], skip_special_tokens=True)
        return answers

    return ask


def _ends(tokenizer: Any) -> Ids:
    """The end token, and all that hold a `;`."""
    texts = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
    return [tokenizer.eos_token_id, *(i for i, text in enumerate(texts) if ";" in text)]


ENGINES: dict[str, Callable[[str, str, Any], Ask]] = {
    "one_by_one": _one_by_one,
    "transformers": _with_transformers,
    "ctranslate2": _with_ctranslate2,
    "openvino": _with_openvino,
}

if __name__ == "__main__":
    as_child(child)
