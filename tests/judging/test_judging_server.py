"""The judge against the server in a process of its own: limits, an outage, a kill, a dead key.

The benchmark does the same at length: 5,000 requests, ten kills, a minute of outage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from judging_rows import KEY, endpoint, expected, make_rows, said, settings

from benchmarks.judging.serve import Remote, llm_server
from tasks.common.errors import InputError
from tasks.judging.judge import Verdict, judge_rows
from tasks.llm.journal import Journal

JUDGE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from judging_rows import endpoint, make_rows, settings, said
from tasks.judging.judge import judge_rows
config = settings(timeout_s=10.0, requests_per_minute=6000, outage_s=60)
table = judge_rows(make_rows(int(sys.argv[4])), config, Path(sys.argv[2]), endpoint(sys.argv[3]))
import json
print(json.dumps(said(table)))
"""
FAULTS = {"500": 0.03, "429": 0.02, "reset": 0.03, "truncated": 0.03, "malformed": 0.03, "html": 0.03}


def start(journal: Path, server: Remote, n: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", JUDGE, str(Path(__file__).parent), str(journal), server.url, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answered(server: Remote, n: int) -> None:
    deadline = time.monotonic() + 60
    while server.stats()["counts"].get("ok", 0) < n:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_limits_told_in_headers_are_kept_also_those_of_a_lower_tier(tmp_path: Path) -> None:
    with llm_server(rpm=3000, burst_s=4.0, median_s=0.1) as server:
        config = settings(requests_per_minute=6000, in_flight=128, timeout_s=10.0)
        table = judge_rows(make_rows(300), config, tmp_path / "j.jsonl", endpoint(server.url))
        stats = server.stats()
    assert said(table) == expected(300)
    assert stats["counts"].get("limited", 0) <= 2


def test_an_outage_fails_no_row(tmp_path: Path) -> None:
    with llm_server(faults=FAULTS, median_s=0.1) as server:
        child = start(tmp_path / "j.jsonl", server, 300)
        answered(server, 50)
        server.set(down=True)
        time.sleep(6)
        server.set(down=False)
        printed, _ = child.communicate(timeout=90)
        assert server.stats()["counts"]["down"] >= 8
    assert json.loads(printed) == expected(300)


def test_kill_9_twice_costs_what_was_in_flight_and_no_more(tmp_path: Path) -> None:
    n, journal = 200, tmp_path / "j.jsonl"
    with llm_server(median_s=0.2) as server:
        for part in (40, 100):
            child = start(journal, server, n)
            answered(server, part)
            child.kill()
            child.communicate()
        time.sleep(0.7)
        kept = {int(json.loads(line)["rationale"][4:]) for line in journal.read_bytes().splitlines()}
        asked = server.stats()["asked"]
        table = judge_rows(make_rows(n), settings(timeout_s=10.0), journal, endpoint(server.url))
        after = server.stats()["asked"]
    assert len(kept) >= 50
    assert all(after[number] == asked[number] for number in kept)
    assert sum(after.values()) <= n + 2 * settings().in_flight
    assert said(table) == expected(n)
    assert list(table["rationale"]) == [f"row {i}" for i in range(n)]


def test_a_dead_key_stops_at_once(tmp_path: Path) -> None:
    with llm_server(dead_key=True) as server:
        began = time.monotonic()
        with pytest.raises(InputError, match="the key was refused") as caught:
            judge_rows(make_rows(100), settings(timeout_s=10.0), tmp_path / "j.jsonl", endpoint(server.url))
        assert time.monotonic() - began < 5
        assert server.stats()["counts"]["requests"] <= settings().in_flight
    assert KEY not in str(caught.value)


def test_azures_form_of_the_address(tmp_path: Path) -> None:
    with llm_server() as server:
        url = server.url.replace("/v1", "/openai/deployments/judge?api-version=2024-10-21")
        table = judge_rows(make_rows(4), settings(timeout_s=10.0), tmp_path / "j.jsonl", endpoint(url))
        heads = server.stats()["heads"]
    assert said(table) == expected(4)
    (head,) = heads
    assert head == ["POST", "/openai/deployments/judge/chat/completions?api-version=2024-10-21", "api-key"]


def test_opening_a_journal_of_20_000_lines(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    one = Verdict(key="k", verdict="yes", rationale="both count the players of team 3 " * 3, prompt_tokens=400)
    path.write_text(
        "".join(one.model_copy(update={"key": f"{i:032x}"}).model_dump_json() + "\n" for i in range(20_000))
    )
    cpu = os.times()
    with Journal(path, Verdict) as book:
        assert book.find(f"{19_999:032x}") is not None
    assert os.times().user - cpu.user < 1.0
