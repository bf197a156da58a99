"""Nights that are killed at every stage: flow, worker, training, generation and server, each several times.

python tests/faults/kills.py --kills 30 --seed 1

Each night runs on a real server and worker, with a small model and a local judge that counts what it is asked. After
its kills it has to end Completed, with the outputs of an undisturbed night, no finished stage made twice, nobody asked
twice but for what was on the wire, never two processes at once, nothing left `Running`, no process left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx
import pandas as pd
import psutil

sys.path[:0] = [str(Path(__file__).parents[up] / room) for up, room in ((0, ""), (1, "judging"), (2, ""))]

from faulty_server import FaultyServer, faulty_server
from real_prefect import Prefect, parameters

from benchmarks.operations.work import QUIET, STORE
from benchmarks.small_model import two_layers

STAGES = (
    "data", "adapter", "merged_model", "parity", "databases", "predictions", "scores", "verdicts", "decision",
)  # fmt: skip
VICTIMS = ("flow", "training", "server", "worker", "worker and flow")
OVER = ("COMPLETED", "FAILED", "CANCELLED")
CONCURRENT = 4  # requests to the judge on the wire at once
JUDGED = {"OPENAI_API_KEY": "sk-local-judge"}


def rows(path: Path, count: int = 240) -> Path:
    """Questions whose number the judge's server counts them by; database 1 is held out."""
    things = ("games", "books", "cars", "songs", "trees", "shops")
    made = []
    for number in range(count):
        thing = things[number % len(things)]
        made.append(
            {
                "db_id": number % len(things) + 1,
                "context": f"CREATE TABLE {thing} (id INT PRIMARY KEY, price INT);",
                "question": f"How many {thing} cost more than {number}? This is question {number}.",
                "answer": f"SELECT COUNT(*) FROM {thing} WHERE price > {number};",
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    return path


def night(store: Path, folder: Path, judge: FaultyServer) -> dict[str, Any]:
    """Parameters of a night of about a minute."""
    return parameters(
        "tiny",
        store=str(store),
        data={
            "sources": [{"kind": "rows", "path": str(rows(folder / "rows.jsonl"))}],
            "train_rows": None,
            "eval_rows": None,
        },
        model={"base": two_layers(STORE).path, "dtype": "float32"},
        training={"max_steps": 60, "checkpoint_every_steps": 10, "learning_rate": 5e-3},
        judging={
            "rows": 40,
            "canaries": False,
            "base_url": judge.url,
            "model": "local",
            "in_flight": CONCURRENT,
        },
    )


def outputs(store: Path) -> dict[str, str]:
    """The content of every stage's output, and when it was made."""
    found = {}
    for manifest in sorted(store.glob("stages/*/*/stage.json")):
        with suppress(FileNotFoundError):  # moved to its last place just now
            told = json.loads(manifest.read_text("utf-8"))
            found[f"{told['stage']}/{told['key']}"] = f"{told['sha256']} {told['made']}"
    return found


def contents(store: Path) -> dict[str, str]:
    """The content of every stage's output."""
    return {name: told.partition(" ")[0] for name, told in outputs(store).items()}


class Night:
    """One run under way."""

    def __init__(self, prefect: Prefect, store: Path, run: str) -> None:
        self.prefect, self.store, self.run = prefect, store, run
        self.made: dict[str, str] = {}
        self.again: list[str] = []

    def state(self) -> str:
        """Type of its state; what it was asked last, where the server does not answer."""
        try:
            return str(self.prefect.flow_run(self.run)["state_type"])
        except httpx.HTTPError:
            return "UNKNOWN"

    def at_once(self) -> int:
        """How often it was started while it ran."""
        states = self.prefect.api.get("flow_run_states/", params={"flow_run_id": self.run}).raise_for_status().json()
        types = [state["type"] for state in sorted(states, key=lambda state: str(state["timestamp"]))]
        return sum(pair == ("RUNNING", "RUNNING") for pair in pairwise(types))

    def look(self) -> None:
        """Note what is made, and what is made that was made already."""
        now = outputs(self.store)
        self.again += [name for name, told in self.made.items() if now.get(name) != told]
        self.made = now

    def wait(self, condition: Callable[[], bool], limit_s: float = 900) -> bool:
        """Until `condition` holds or the night is over; whether it is still under way."""
        ends, asked = time.monotonic() + limit_s, 0.0
        while not condition():
            if time.monotonic() > ends:
                raise AssertionError(f"the night does not go on: {self.prefect.logs()}")
            if time.monotonic() - asked > 2:
                asked = time.monotonic()
                if self.state() in OVER:
                    return False
            self.look()
            time.sleep(0.02)
        return True

    def under_way(self, stage: str) -> bool:
        """Whether a stage has begun."""
        return any(self.store.glob(f"stages/{stage}/*"))

    def processes(self) -> list[psutil.Process]:
        """The flow's process first, then what it started."""
        own = []
        for process in self.prefect.living():
            with suppress(psutil.Error):
                if process.environ().get("PREFECT__FLOW_RUN_ID") == self.run:
                    own.append(process)
        return sorted(own, key=lambda process: process.create_time())

    def children(self) -> list[psutil.Process]:
        """The processes of its stages: of training, merge, parity, generation."""
        return [p for p in self.processes() if any(str(part).startswith("tasks.") for part in _command(p))]

    def kill(self, victim: str) -> str:
        """SIGKILL; what was killed is started again as a machine's supervisor would. Returns who was killed."""
        own, children = self.processes(), self.children()
        if victim == "training" and children:
            name = next(part for part in _command(children[-1]) if part.startswith("tasks."))
            children[-1].kill()
            return name
        if victim in ("server", "worker"):
            self.prefect.kill(victim)
            time.sleep(1)
            (self.prefect.serve if victim == "server" else self.prefect.work)()
            return victim
        if victim == "worker and flow":
            self.prefect.kill("worker")
        if own:
            own[0].kill()
        if victim == "worker and flow":
            self.prefect.work()
            return victim if own else "worker"
        return "flow" if own else "nobody"


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def undisturbed(prefect: Prefect, folder: Path, judge: FaultyServer) -> tuple[dict[str, str], Counter[int], float]:
    """What a night makes that nobody kills, whom the judge is asked about, and its seconds."""
    began = time.monotonic()
    told = night(folder / "undisturbed", folder, judge)
    one = Night(prefect, folder / "undisturbed", prefect.start_run("retrain-and-evaluate/nightly", **told))
    one.wait(lambda: False)
    assert one.state() == "COMPLETED", prefect.logs()
    return contents(one.store), Counter(judge.asked), time.monotonic() - began


def disturbed(
    prefect: Prefect, folder: Path, judge: FaultyServer, kills: list[tuple[str, str]], rng: random.Random
) -> tuple[Night, list[str]]:
    """A night that is killed at these stages, and who was killed."""
    judge.asked.clear()
    told = night(folder, folder.parent, judge)
    one = Night(prefect, folder, prefect.start_run("retrain-and-evaluate/nightly", **told))
    killed = []
    for stage, victim in kills:
        found = one.children if victim == "training" else one.processes
        if not one.wait(lambda stage=stage, found=found: one.under_way(stage) and bool(found())):
            break
        time.sleep(rng.uniform(0, 3) if stage in ("adapter", "predictions", "verdicts") else rng.uniform(0, 0.3))
        killed.append(f"{stage}: {one.kill(victim)}")
        print(f"  killed in {killed[-1]}", flush=True)
    one.wait(lambda: False)
    one.look()
    psutil.wait_procs(one.processes(), timeout=15)  # it has ended when it has told so
    return one, killed


def plan(kills: int, rng: random.Random) -> list[list[tuple[str, str]]]:
    """Nights of three kills, over all stages and victims in turn."""
    stages = [STAGES[i % len(STAGES)] for i in range(kills)]
    victims = [VICTIMS[i % len(VICTIMS)] for i in range(kills)]
    rng.shuffle(stages)
    pairs = list(zip(stages, victims, strict=True))
    nights = []
    for first in range(0, kills, 3):
        some = pairs[first : first + 3]
        nights.append(sorted(some, key=lambda pair: STAGES.index(pair[0])))
    return nights


def left_running(prefect: Prefect) -> list[str]:
    """Runs that say that they run."""
    running = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    flows = prefect.query("flow_runs", flow_runs=running)
    tasks = prefect.query("task_runs", task_runs=running)
    return [f"{run['name']} {run['state_name']}" for run in (*flows, *tasks)]


def main() -> int:
    """Run the nights; the status is 1 if one of them is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="kept, with logs and stores; default: a temporary one")
    arguments = parser.parse_args()
    folder, rng = arguments.folder or Path(mkdtemp(prefix="t2s-kills-")), random.Random(arguments.seed)
    folder.mkdir(parents=True, exist_ok=True)
    prefect = Prefect(os.environ | QUIET | JUDGED, folder / "server")
    wrong: list[str] = []
    table = []
    try:
        prefect.serve()
        prefect.work()
        prefect.deploy()
        with faulty_server(delay_s=1.0) as judge:
            expected, asked, seconds = undisturbed(prefect, folder, judge)
            print(f"undisturbed: {seconds:.0f} s, {len(expected)} outputs, {sum(asked.values())} requests", flush=True)
            for number, kills in enumerate(plan(arguments.kills, rng), 1):
                began = time.monotonic()
                one, killed = disturbed(prefect, folder / f"night-{number}", judge, kills, rng)
                twice = judge.asked.total() - asked.total()
                judged = sum(name.startswith("verdicts") for name in killed)
                found = {
                    "state": one.state(),
                    "starts": prefect.flow_run(one.run)["run_count"],
                    "at once": one.at_once(),
                    "same": contents(one.store) == expected,
                    "made again": len(one.again),
                    "asked again": twice,
                    "left": [" ".join(_command(process))[-80:] for process in one.processes()],
                    "running": left_running(prefect),
                }
                table.append({"night": number, "killed": ", ".join(killed), **found, "s": time.monotonic() - began})
                good = {"state": "COMPLETED", "at once": 0, "same": True, "made again": 0, "left": [], "running": []}
                wrong += [f"night {number}: {key} {found[key]}" for key, value in good.items() if found[key] != value]
                if not 0 <= twice <= judged * CONCURRENT:
                    wrong.append(f"night {number}: {twice} requests more, {judged} kills while judging")
                print(json.dumps(table[-1], default=str), flush=True)
    finally:
        left = prefect.stop()
    wrong += [f"left behind: {command}" for command in left]
    kills = sum(len(row["killed"].split(", ")) for row in table)
    print(pd.DataFrame(table).drop(columns=["left", "running"]).to_string(index=False))
    print(json.dumps({"nights": len(table), "kills": kills, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
