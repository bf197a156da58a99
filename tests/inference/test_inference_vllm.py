from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.inference import vllm_engine
from tasks.inference.answer import answer_of
from tasks.inference.vllm_engine import adapter_rank, check_vllm, engine_arguments, sampling_arguments
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.prompts.tokens import Ids, encode_prompts

RAWS = [json.loads(line)["raw"] for line in (Path(__file__).parent / "answers.jsonl").read_text("utf-8").splitlines()]
needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")


def adapter_in(folder: Path, quantization: str = "none", **settings: Any) -> str:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, "use_dora": False, **settings}))
    (folder / "training.json").write_text(json.dumps({"quantization": quantization}))
    return str(folder)


def test_without_vllm_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as failed:
        check_vllm()
    assert str(failed.value) == "inference.engine: 'vllm' needs the extra: pip install 'text2sql-nightly[vllm]'"


def test_with_vllm_the_check_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "vllm" else None)
    check_vllm()


# --- The arguments


def test_a_saved_model_needs_no_room_for_adapters() -> None:
    arguments = engine_arguments("/models/merged", None, "bfloat16", 700)
    assert arguments["model"] == "/models/merged"
    assert (arguments["dtype"], arguments["max_model_len"]) == ("bfloat16", 700)
    assert arguments["enable_prefix_caching"] is True
    assert not [name for name in arguments if "lora" in name]
    assert "quantization" not in arguments  # weights are decoded before


def test_an_adapter_is_answered_on_its_base(tmp_path: Path) -> None:
    arguments = engine_arguments("/models/base", adapter_in(tmp_path / "adapter", r=24), "float16", 700)
    assert arguments["model"] == "/models/base"
    assert arguments["enable_lora"] is True
    assert (arguments["max_loras"], arguments["max_lora_rank"]) == (1, 32)


@pytest.mark.parametrize(("rank", "room"), [(1, 8), (8, 8), (9, 16), (16, 16), (65, 128), (512, 512)])
def test_there_is_room_for_the_rank(rank: int, room: int, tmp_path: Path) -> None:
    assert adapter_rank(adapter_in(tmp_path / "adapter", r=rank)) == room
    assert adapter_rank(adapter_in(tmp_path / "patterned", r=1, rank_pattern={"q_proj": rank})) == room


def test_what_vllm_cannot_read_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    dora, wide = adapter_in(tmp_path / "dora", "nf4", use_dora=True), adapter_in(tmp_path / "wide", "nf4", r=513)
    for adapter, words in ((dora, "DoRA"), (wide, "up to rank 512")):
        with pytest.raises(InputError, match=words):
            next(vllm_engine.generate(adapter, "/nowhere", "float32", "none", None, [[1]], 8, [0]))


def test_nothing_is_loaded_where_nothing_is_wanted() -> None:
    assert list(vllm_engine.generate("/nowhere", None, "float32", "none", None, [[1]], 8, [])) == []


# --- Where an answer ends


@pytest.mark.parametrize("stop", ["###", "```", ";", "\n\n", "\n### Question:", "</think>"])
def test_no_stop_string_is_safe(stop: str) -> None:
    """The reason why there is none: each cuts an answer off somewhere, even if it is kept itself."""

    def cut(raw: str) -> str:
        return raw[: raw.index(stop) + len(stop)]

    quoted = f"SELECT name FROM players WHERE note = '{stop}' AND level > 10;"
    assert answer_of(quoted) == quoted
    assert answer_of(cut(quoted)) != quoted
    assert "stop" not in sampling_arguments(2, 160)


def test_cutting_at_a_complete_statement_keeps_every_answer(words: Any) -> None:
    until_complete = vllm_engine._until_complete(words.folder, words)
    for raw in RAWS:
        tokens = words.encode(raw)
        cut = until_complete(tokens)
        assert tokens[: len(cut)] == cut
        assert answer_of(words.decode(cut)) == answer_of(raw)
        assert until_complete([*cut, *words.encode(" and so on")]) == cut or cut == tokens


def test_cutting_shortens_what_goes_on(words: Any) -> None:
    until_complete = vllm_engine._until_complete(words.folder, words)
    raw = "SELECT ';' FROM t;\nSELECT 2;"
    assert words.decode(until_complete(words.encode(raw))) == "SELECT ';' FROM t;"
    assert until_complete([*words.encode("SELECT 1"), words.eos_token_id]) == [*words.encode("SELECT 1"), 1]


class Letters:
    """A tokenizer with a token for each character; 1 is the end."""

    eos_token_id = 1

    def __init__(self, folder: Path) -> None:
        (folder / "generation_config.json").write_text('{"eos_token_id": 1}')
        self.folder = str(folder)
        self._letters = ["", "", *sorted(set("".join(RAWS)) | set("0123456789 andso"))]

    def __len__(self) -> int:
        return len(self._letters)

    def encode(self, text: str) -> Ids:
        return [self._letters.index(c, 2) for c in text]

    def decode(self, tokens: Sequence[int], skip_special_tokens: bool = True) -> str:
        return "".join(self._letters[t] for t in tokens)

    def batch_decode(self, rows: Sequence[Ids]) -> list[str]:
        return [self.decode(row) for row in rows]


@pytest.fixture
def words(tmp_path: Path) -> Letters:
    return Letters(tmp_path)


# --- The loop, with a stand-in for vLLM's classes


class Played:
    """Stands for `vllm.LLM`: writes `SELECT <last token of the prompt>;` and goes on with what nobody asked."""

    def __init__(self, letters: Letters) -> None:
        self.letters = letters
        self.made: list[dict[str, Any]] = []
        self.asked: list[list[Ids]] = []
        self.adapters: list[Any] = []

    def llm(self, **arguments: Any) -> Played:
        self.made.append(arguments)
        return self

    def generate(self, prompts: list[dict[str, Ids]], sampling: Any, lora_request: Any, use_tqdm: bool) -> list[Any]:
        self.asked.append([p["prompt_token_ids"] for p in prompts])
        self.adapters.append(lora_request)
        written = [self.letters.encode(f"SELECT {p['prompt_token_ids'][-1]}; and so on") for p in prompts]
        metrics = SimpleNamespace(first_token_latency=0.25)
        return [SimpleNamespace(outputs=[SimpleNamespace(token_ids=w)], metrics=metrics) for w in written]


@pytest.fixture
def played(words: Letters, monkeypatch: pytest.MonkeyPatch) -> Played:
    stand_in = Played(words)
    vllm = SimpleNamespace(LLM=stand_in.llm, SamplingParams=dict)
    request = SimpleNamespace(LoRARequest=lambda *told: told)
    for name, module in {"vllm": vllm, "vllm.lora": SimpleNamespace(), "vllm.lora.request": request}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(vllm_engine, "CHUNK", 2)
    return stand_in


def test_answers_come_chunk_by_chunk_and_only_those_wanted(words: Letters, played: Played) -> None:
    prompts = [[5, 5, 9], [7, 7, 8], [5, 5, 3], [7, 7, 2], [5, 5, 5, 5, 4]]
    chunks = vllm_engine.generate(words.folder, None, "float32", "none", words, prompts, 20, [0, 1, 2, 3])
    first = next(chunks)
    assert len(played.asked) == 1  # the second chunk has not begun
    answers = first + [answer for chunk in chunks for answer in chunk]
    assert played.asked == [[[5, 5, 3], [5, 5, 9]], [[7, 7, 2], [7, 7, 8]]]  # the same beginnings lie side by side
    assert {(a.index, a.raw) for a in answers} == {(i, f"SELECT {prompts[i][-1]};") for i in (0, 1, 2, 3)}
    assert all((a.prompt_tokens, a.completion_tokens, a.first_token_s) == (3, 9, 0.25) for a in answers)
    assert played.made[0]["max_model_len"] == 25  # of all prompts, not of those wanted
    assert played.adapters == [None, None]


def test_an_adapter_is_told_with_each_chunk(words: Letters, played: Played, tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path / "adapter")
    list(vllm_engine.generate(adapter, words.folder, "float32", "nf4", words, [[4], [5], [6]], 20, [0, 1, 2]))
    assert played.made[0]["model"] == words.folder
    assert played.adapters == [("adapter", 1, adapter)] * 2


# --- With real weights


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_quantised_weights_are_handed_over_as_the_numbers_they_decode_to(
    two_layers: StageOutput, quantization: str
) -> None:
    import torch

    from tasks.models.loading import load_model

    decoded = load_model(two_layers.path, "float32", quantization).dequantize().state_dict()
    with vllm_engine._plain_weights(two_layers.path, "float32", quantization) as folder:
        config = json.loads((Path(folder) / "config.json").read_text("utf-8"))
        assert "quantization_config" not in config
        found = load_model(folder, "float32").state_dict()
    assert found.keys() == decoded.keys()
    assert all(torch.equal(found[name], decoded[name]) for name in found)
    assert not Path(folder).exists()


@needs_vllm
def test_vllm_takes_the_arguments(two_layers: StageOutput, tmp_path: Path) -> None:
    """Its own classes, built and checked; no weights are read and no device is asked for."""
    from vllm import EngineArgs, SamplingParams
    from vllm.lora.request import LoRARequest

    adapter = adapter_in(tmp_path / "adapter")
    for arguments in (
        engine_arguments(two_layers.path, None, "bfloat16", 700),
        engine_arguments(two_layers.path, adapter, "bfloat16", 700),
    ):
        taken = EngineArgs(**arguments)
        assert all(getattr(taken, name) == value for name, value in arguments.items())
    sampling = SamplingParams(**sampling_arguments(2, 160))
    assert (sampling.temperature, sampling.max_tokens, sampling.stop_token_ids) == (0.0, 160, [2])
    assert LoRARequest("adapter", 1, adapter).lora_path == adapter


@needs_vllm
@pytest.mark.slow
def test_vllm_answers_as_transformers(two_layers: StageOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    """On whatever device its build is for."""
    from tasks.inference.engine import generate
    from tasks.models.base import CHILD_ENV
    from tasks.models.loading import load_model, load_tokenizer

    for name, value in CHILD_ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(vllm_engine, "CHUNK", 4)
    schema = "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(50), pages INT);"
    questions = [
        "How many are there?",
        "List all of them.",
        "Which have an id above 7?",
        "몇 개인가요?",
        "The longest?",
    ]
    rows = pd.DataFrame({"context": schema, "question": questions})
    tokenizer = load_tokenizer(two_layers.path)
    prompts = encode_prompts(load_prompt(PromptConfig()), rows, tokenizer)
    model = load_model(two_layers.path, "float32")
    expected = {a.index: a for batch in generate(model, tokenizer, prompts, 8, 24) for a in batch}
    batches = vllm_engine.generate(two_layers.path, None, "float32", "none", tokenizer, prompts, 24, range(5))
    answers = [answer for batch in batches for answer in batch]
    assert len(answers) == 5
    for answer in answers:
        other = expected[answer.index]
        assert (answer.raw, answer.prompt_tokens) == (other.raw, other.prompt_tokens)
        assert answer.completion_tokens == other.completion_tokens
        assert answer.seconds > 0 and (answer.first_token_s or 0) > 0
