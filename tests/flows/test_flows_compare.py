"""Systems compared as a user does it: one command, in a process of its own, cut off from the world."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.writing_server import writing_server
from tasks.common.store import StageOutput
from tasks.config import PROFILES

ROOT = Path(__file__).parents[2]


def compared(folder: Path, env: dict[str, str], systems: list[dict[str, Any]], **changes: Any) -> tuple[int, str]:
    """Exit status and output of `python -m flows compare` with the profile `tiny` and these systems."""
    values = yaml.safe_load((PROFILES / "tiny.yaml").read_text("utf-8")) | {"store": str(folder / "store")}
    values |= changes | {"compare": {"systems": systems}}
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    command = [sys.executable, "-m", "flows", "compare", "--profile", str(path)]
    env = env | {"PREFECT_HOME": str(folder / "prefect")}
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=500)
    return out.returncode, out.stdout + out.stderr


def first_table(messages: list[dict[str, str]]) -> str:
    found = re.search(r"CREATE TABLE\s+`?(\w+)", messages[-1]["content"])
    return f"```sql\nSELECT * FROM {found[1] if found else 'nothing'};\n```"


@pytest.mark.slow
def test_every_system_is_ranked_and_one_that_fails_is_told_and_loses_no_other(
    two_layers: StageOutput, tmp_path: Path, guarded_env: dict[str, str]
) -> None:
    env = guarded_env | {"OPENAI_API_KEY": "sk-nothing-that-exists"}
    with writing_server(model=first_table) as server:
        api = {"base_url": server.url, "requests_per_minute": 60_000, "tokens_per_minute": 10**9, "attempts": 1}
        systems: list[dict[str, Any]] = [
            {"name": "base"},
            {"name": "two examples", "examples": 2, "quantization": "int8", "match_columns": 91},
            {"name": "writer", "prompt": {"template": "sections"}, "api": {"model": "gpt-4o-mini", **api}},
            {"name": "gone", "api": {"model": "gpt-4o", **api}},
        ]
        server.turned_away = lambda messages: False
        asked = server.answer
        server.answer = lambda body, key: (  # type: ignore[method-assign]
            (500, {"error": {"message": "down"}}) if body["model"] == "gpt-4o" else asked(body, key)
        )
        settings = {"model": {"base": two_layers.path}, "inference": {"max_new_tokens": 8}}
        status, out = compared(tmp_path, env, systems, **settings)
        assert status == 1, out
        assert "error: 1 of 4 systems failed: gone: 12 of 12 rows got no answer" in out
        (board,) = (tmp_path / "store" / "reports").glob("leaderboard-*/leaderboard.json")
        told = json.loads(board.read_text("utf-8"))
        assert {entry["name"] for entry in told["entries"]} == {"base", "two examples", "writer"}
        assert list(told["failed"]) == ["gone"]
        assert "two examples" in board.with_name("leaderboard.html").read_text("utf-8")

        paid = server.asked.total()
        server.answer = asked  # type: ignore[method-assign]
        status, out = compared(tmp_path, env, systems, **settings)
        assert status == 0, out
        assert server.asked.total() == paid + 12
    assert out.count("predictions reused") == 3, out
    assert not Path(env["T2S_OUTSIDE_LOG"]).exists(), Path(env["T2S_OUTSIDE_LOG"]).read_text()


WRONG = {
    "a name twice": ([{"name": "a"}, {"name": "a"}], "the name 'a' is there twice"),
    "an unknown key": ([{"name": "a", "shots": 3}], "unknown key 'compare.systems.0.shots'"),
    "nobody in use": ([{"name": "a", "model": "champion"}], "'a': store '{store}': no model is in use yet"),
    "no such version": ([{"name": "a", "model": "v7"}], "'a': version 'v7': not in the registry"),
    "no such model": ([{"name": "a", "model": "package:nothing"}], "'a': model.base: 'package:nothing'"),
    "no adapter": ([{"name": "a", "adapter": "tests"}], "'a': 'tests' is no adapter of a night: no file"),
    "no template": ([{"name": "a", "prompt": {"template": "x"}}], "'a': prompt.template: 'x' is neither a file nor"),
    "no key": ([{"name": "a", "api": {"model": "gpt-4o"}}], "'a': OPENAI_API_KEY, "),
    "two models": ([{"name": "a", "model": "v1", "api": {}}], "'a': with `api` there is no model"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_systems_are_one_line_that_names_them_and_nothing_is_made(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.compare import check_before_comparing
    from tasks.common.errors import InputError
    from tasks.config import NightlyConfig

    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    systems, named = WRONG[what]
    store = tmp_path / "store"
    with pytest.raises(InputError) as caught:
        config = NightlyConfig.read({"store": str(store), "compare": {"systems": systems}}, "profile.yaml")
        check_before_comparing(config)
    assert named.format(store=store) in str(caught.value) and "\n" not in str(caught.value)
    assert not (store / "stages").exists()
