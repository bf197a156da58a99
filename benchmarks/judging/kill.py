"""kill -9 at ten random moments, then resume: what is asked again, what was billed twice."""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path

from benchmarks.judging.serve import llm_server
from benchmarks.judging.sides import FAULTS, PACKAGES, finish, start
from benchmarks.parts import Part
from benchmarks.record import show


def run(quick: bool) -> Part:
    """Over all kills: rows without a verdict, rows answered and yet asked again, answers paid twice."""
    n, kills = (300, 3) if quick else (1500, 10)
    lottery = random.Random(7)
    asked_again = in_flight = killed = 0
    with llm_server(rpm=60_000, median_s=0.4, faults=FAULTS) as server, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal.jsonl")
        known: dict[int, int] = {}
        for _ in range(kills):
            child = start("ours", n, server.url, Path(folder), {"in_flight": 64, "requests_per_minute": 6000})
            lines = len(known)
            while child.poll() is None and journal_rows(journal).keys() == known.keys():
                time.sleep(0.02)
            time.sleep(lottery.uniform(0, 1.2))
            before = journal_rows(journal)
            child.kill()
            child.communicate()
            killed += 1
            time.sleep(1.5)  # what was in flight reaches its end at the server
            seen = server.stats()
            known = {number: seen["asked"].get(number, 0) for number in journal_rows(journal)}
            in_flight += sum(seen["answered"].values()) - len(known) - in_flight
            assert len(known) >= max(lines, len(before))
        frozen = known
        found = finish(start("ours", n, server.url, Path(folder), {"requests_per_minute": 60_000}), n, server)
        seen = server.stats()
        asked_again = sum(seen["asked"][number] != count for number, count in frozen.items())
        paid_twice = sum(seen["answered"].values()) - n
    figures: dict[str, float] = {
        "kills": killed,
        "rows": n,
        "rows_without_verdict": found["rows_lost"] + found["rows_undecided"],
        "rows_wrong": found["rows_wrong"],
        "answered_rows_asked_again": asked_again,
        "answers_paid_twice": paid_twice,
        "in_flight_at_kills": in_flight,
    }
    show("kill -9 and resume", [figures])
    return Part(figures, PACKAGES)


def journal_rows(journal: Path) -> dict[int, int]:
    """The numbers of the rows with a whole line (the server's rationale is "row 17")."""
    if not journal.exists():
        return {}
    lines = journal.read_bytes().split(b"\n")[:-1]
    entries = [json.loads(line) for line in lines]
    return {int(one["rationale"].removeprefix("row ")): 1 for one in entries if one["verdict"] in ("yes", "no")}
