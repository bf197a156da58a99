"""The model in use answers, by hand and over HTTP, and a roll-back brings the old one's answers back."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.testing.utilities import prefect_test_harness

from flows.ask import ask
from flows.promote import promote_model, roll_back
from tasks.common.store import hash_folder
from tasks.config import NightlyConfig
from tasks.inference.answer import answer_of
from tasks.inference.ask import how_to_serve
from tasks.models import registry
from tasks.models.base import CHILD_ENV, base_model
from tasks.models.config import ModelConfig
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.records import Lineage, Model
from tasks.prompts.prompt import Prompt, load_prompt

ROOT = Path(__file__).parents[2]
SCHEMA = "CREATE TABLE players (id INT PRIMARY KEY, name VARCHAR(50), age INT);"
QUESTION = "How many players are older than 30?"


@pytest.fixture
def config(model_store: Path, tmp_path: Path) -> NightlyConfig:
    """A store of its own that shares the converted base model with the other tests."""
    base_model(ModelConfig(), model_store)
    shutil.copytree(model_store / "stages" / "base_model", tmp_path / "stages" / "base_model", copy_function=os.link)
    return NightlyConfig.model_validate({"store": str(tmp_path), "inference": {"max_new_tokens": 24}})


def other_model(config: NightlyConfig, prompt: Prompt) -> str:
    """A registered model that answers otherwise: the base with the scales of its last layer turned round."""
    store = Path(config.store)
    base = base_model(config.model, store)
    folder = store / "stages" / "merged_model" / "other"
    model = load_model(base.path, config.model.precision)
    model.model.norm.weight.data = model.model.norm.weight.data.flip(0)
    model.save_pretrained(folder)
    load_tokenizer(base.path).save_pretrained(folder)
    prompt.save(folder)
    told = Model(
        label="tuned",
        kind="merged",
        path=str(folder),
        sha256=hash_folder(folder),
        prompt_sha256=prompt.hash,
        lineage=Lineage(base=config.model.base),
    )
    return registry.register(store, told).version


@pytest.mark.slow
def test_a_roll_back_brings_back_the_old_answer(config: NightlyConfig) -> None:
    prompt = load_prompt(config.prompt)
    with prefect_test_harness(server_startup_timeout=120):
        before = ask(QUESTION, SCHEMA, config)
        version = other_model(config, prompt)
        began = time.monotonic()
        promote_model(version, by="Kim", why="try it", store=config.store)
        between = ask(QUESTION, SCHEMA, config)
        assert "v1 (base) is in use again" in roll_back(by="Kim", why="it babbles", store=config.store)
        assert ask(QUESTION, SCHEMA, config) == before != between
        print(f"promote, ask, roll back, ask: {time.monotonic() - began:.1f} s")
    assert [(c.action, c.by) for c in registry.read_aliases(Path(config.store)).history][1:] == [
        ("promoted", "Kim"),
        ("rolled back", "Kim"),
    ]


@pytest.fixture
def served(config: NightlyConfig) -> Iterator[tuple[str, Prompt, list[str]]]:
    """The base model behind `transformers serve`, started with the command the user is told."""
    folder, prompt = base_model(config.model, Path(config.store)).path, load_prompt(config.prompt)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    told = how_to_serve(folder, prompt, QUESTION, SCHEMA, config.inference, "float32").replace("8000", port)
    (serve,) = [line for line in told.splitlines() if line.startswith("transformers serve")]
    command = [str(Path(sys.executable).parent / "transformers"), *shlex.split(serve)[1:]]
    server = subprocess.Popen(command, env={**os.environ, **CHILD_ENV}, stdout=subprocess.DEVNULL)
    try:
        yield folder, prompt, shlex.split(told.partition("# then:\n")[2].replace("\\\n", ""))
    finally:
        server.kill()
        server.wait()


@pytest.mark.slow
def test_the_served_model_answers_as_the_flow_does(
    served: tuple[str, Prompt, list[str]], config: NightlyConfig
) -> None:
    from tasks.inference.ask import ask as ask_once

    folder, prompt, curl = served
    url, body = next(part for part in curl if part.startswith("http")), curl[-1]
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    answer = answer_of(completion(request)["choices"][0]["text"])
    assert answer == ask_once(folder, prompt, QUESTION, SCHEMA, config.inference, "float32")
    assert "SELECT" in answer


def completion(request: urllib.request.Request) -> dict[str, Any]:
    """Ask until the server listens."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except ConnectionError:
            time.sleep(0.5)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.5)
    raise AssertionError("the server did not come up in two minutes")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--schema", "no-such-file.sql", "How many?"), "--schema: 'no-such-file.sql'"),
        (("--schema", "empty.sql", "How many?"), "schema: empty"),
        (("--schema", "full.sql", " "), "question: empty"),
    ],
)
def test_a_wrong_question_is_one_line(arguments: tuple[str, ...], named: str, config: NightlyConfig) -> None:
    folder = Path(config.store)
    (folder / "empty.sql").write_text("\n")
    (folder / "full.sql").write_text(SCHEMA)
    (folder / "profile.yaml").write_text(f"store: {folder}\n")
    found = [str(folder / a) if a in ("empty.sql", "full.sql") else a for a in arguments]
    command = [sys.executable, "-m", "flows", "ask", "--profile", str(folder / "profile.yaml"), *found]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert out.returncode == 2, out.stdout + out.stderr
    (line,) = [line for line in out.stderr.splitlines() if line.startswith("error: ")]
    assert named in line
