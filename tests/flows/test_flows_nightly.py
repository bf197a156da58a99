"""The nightly job as a user starts it: one command, in a process of its own, cut off from the world."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tasks.config import PROFILES

ROOT = Path(__file__).parents[2]
EXPENSIVE = (
    "data",
    "base_model",
    "adapter",
    "merged_model",
    "parity",
    "databases",
    "predictions",
    "scores",
    "verdicts",
)


def profile(folder: Path, **changes: Any) -> Path:
    """The profile `tiny` with a store in `folder`, and with `changes` (sections to replace or extend)."""
    values = yaml.safe_load((PROFILES / "tiny.yaml").read_text("utf-8")) | {"store": str(folder / "store")}
    for section, keys in changes.items():
        values[section] = {**values.get(section, {}), **keys} if isinstance(keys, dict) else keys
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    return path


def night(profile: Path | str, env: dict[str, str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """What `make nightly` runs."""
    command = [sys.executable, "-m", "flows", "nightly", "--profile", str(profile)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_s)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_night_runs_from_data_to_report_and_the_next_one_reuses_it(
    tmp_path: Path, guarded_env: dict[str, str]
) -> None:
    """One tiny night for real, without a key or a host outside; a second one changes nothing."""
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect")}
    env.pop("OPENAI_API_KEY", None)
    path = profile(tmp_path, training={"checkpoint_every_steps": 2, "validation_rows": 4})
    store = tmp_path / "store"

    first = night(path, env, 1_200)
    assert first.returncode == 0, first.stdout + first.stderr
    assert not Path(env["T2S_OUTSIDE_LOG"]).exists(), Path(env["T2S_OUTSIDE_LOG"]).read_text()
    stages = {folder.name: len(list(folder.glob("*/stage.json"))) for folder in (store / "stages").iterdir()}
    # Both contenders are generated, scored and judged, and before that two checkpoints on the rows held back.
    more = {"predictions": 4, "scores": 4, "verdicts": 2, "adapter": 2, "databases": 2}
    assert stages == {name: more.get(name, 1) for name in (*EXPENSIVE, "held_back", "decision")}
    predictions = (store / "stages" / "predictions").glob("*/predictions.parquet")
    assert sorted(len(pd.read_parquet(file)) for file in predictions) == [4, 4, 12, 12]
    (chosen,) = [
        file for file in (store / "stages" / "adapter").glob("*/stage.json") if "ex_held_back" in file.read_text()
    ]
    merged = next((store / "stages" / "merged_model").glob("*/stage.json")).read_text()
    assert json.loads(chosen.read_text())["sha256"] in merged, (
        "the checkpoint that was chosen is the one that is merged"
    )
    (decision,) = (store / "stages" / "decision").glob("*/decision.json")
    decided = json.loads(decision.read_text("utf-8"))["decision"]
    page = (store / "reports" / "latest.html").read_text("utf-8")
    assert "exact McNemar" in page and "v2 (tuned)" in page

    second = night(path, env, 300)
    log = second.stdout + second.stderr
    assert second.returncode == 0, log
    assert not any(f"{stage} made in" in log for stage in EXPENSIVE), log
    assert all(f"{stage} reused" in log for stage in EXPENSIVE), log
    history = [json.loads(line) for line in (store / "history.jsonl").read_text("utf-8").splitlines()]
    assert [entry["decision"] for entry in history] == [decided, decided]
    assert not list(store.rglob("*.partial"))


def rows(*lines: str) -> str:
    good = {"db_id": 1, "context": "CREATE TABLE t (a INT);", "question": "How many?", "answer": "SELECT 1;"}
    return "\n".join((json.dumps(good), *lines)) + "\n"


WRONG = {
    "an unknown section": ({"trainin": {"epochs": 1}}, None, "unknown key 'trainin'; did you mean 'training'?"),
    "an unknown key": ({"training": {"learning_rte": 1e-4}}, None, "did you mean 'learning_rate'?"),
    "a wrong value": ({"training": {"epochs": "many"}}, None, "training.epochs: "),
    "a missing file": (
        {"data": {"sources": [{"kind": "rows", "path": "rows-of-2031.jsonl"}]}},
        None,
        "rows-of-2031.jsonl",
    ),
    "a column that is missing": ({}, '{"db_id": 1, "context": "a", "answer": "b"}\n', "question"),
    "an unknown base model": ({"model": {"base": "nobody/no-such-model"}}, None, "'nobody/no-such-model'"),
    "a package without weights": ({"model": {"base": "package:no_such_weights"}}, None, "'package:no_such_weights'"),
    "a broken row": ({}, rows('{"db_id": 2, "context": "CREA'), "line 2"),
    "an unknown template": ({"prompt": {"template": "sektions"}}, None, "'sektions'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_one_line_that_names_it_and_nothing_is_written(
    what: str, tmp_path: Path, guarded_env: dict[str, str]
) -> None:
    changes, content, named = WRONG[what]
    if content is not None:
        source = tmp_path / "rows.jsonl"
        source.write_text(content, "utf-8")
        changes = {"data": {"sources": [{"kind": "rows", "path": str(source)}]}}
    began = time.monotonic()
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect"), "HF_HUB_OFFLINE": "1"}
    out = night(profile(tmp_path, **changes), env, 120)
    assert out.returncode == 2, out.stdout + out.stderr
    (line,) = [line for line in out.stderr.splitlines() if line.startswith("error: ")]
    assert named in line
    assert "Traceback" not in out.stderr
    assert not (tmp_path / "store" / "stages").exists()
    assert time.monotonic() - began < 60  # seconds on a quiet machine; no stage has such a short deadline


def test_an_unknown_profile_names_those_there_are(guarded_env: dict[str, str]) -> None:
    out = night("labtop", guarded_env, 120)
    assert out.returncode == 2
    assert "profile 'labtop'" in out.stderr and "laptop" in out.stderr
