"""One batch, end to end against the local server: joined by key, never submitted twice, expired rows asked live."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from judging_rows import KEY, endpoint, expected, make_rows, said, settings

from benchmarks.judging.serve import Remote, llm_server
from tasks.common.errors import InputError
from tasks.judging.judge import judge_rows

BATCH = {"batch": True, "batch_poll_s": 0.1, "timeout_s": 10.0}

JUDGE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from judging_rows import endpoint, make_rows, settings
from tasks.judging.judge import judge_rows
config = settings(batch=True, batch_poll_s=0.1, timeout_s=10.0)
judge_rows(make_rows(40), config, Path(sys.argv[2]), endpoint(sys.argv[3]))
"""


def test_a_batch_is_answered_and_what_expired_is_asked_live(tmp_path: Path) -> None:
    with llm_server(expired=0.25, rpm=1e6) as server:
        table = judge_rows(make_rows(40), settings(**BATCH), tmp_path / "j.jsonl", endpoint(server.url))
        stats = server.stats()
        again = judge_rows(make_rows(40), settings(**BATCH), tmp_path / "j.jsonl", endpoint(server.url))
        assert server.stats()["batches"] == 1
    assert said(table) == said(again) == expected(40)
    assert list(table["rationale"]) == [f"row {i}" for i in range(40)]
    assert (stats["counts"]["batched"], stats["counts"]["requests"]) == (40, 10)
    assert set(again["origin"]) == {"journal"}


def kill_when_submitted(server: Remote, journal: Path) -> None:
    """Kill a run as soon as the server has its batch."""
    here = str(Path(__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", JUDGE, here, str(journal), server.url])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if server.stats()["batches"]:
            break
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_run_killed_between_submit_and_fetch_finds_its_batch_again(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with llm_server(batch_s=3.0, rpm=1e6) as server:
        kill_when_submitted(server, journal)
        assert journal.read_bytes() == b""
        table = judge_rows(make_rows(40), settings(**BATCH), journal, endpoint(server.url))
        # Killed while the answers were filed: the rest comes from the same batch.
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:15]))
        rest = judge_rows(make_rows(40), settings(**BATCH), journal, endpoint(server.url))
        stats = server.stats()
    assert stats["batches"] == 1
    assert set(stats["asked"].values()) == {1}
    assert said(table) == said(rest) == expected(40)
    assert Counter(rest["origin"]) == {"journal": 15, "judge": 25}
    assert KEY not in journal.read_text("utf-8")


def test_half_the_price(tmp_path: Path) -> None:
    prices = {"gpt-test": {"prompt": 10.0, "completion": 100.0}}
    with llm_server(rpm=1e6) as server:
        config = settings(**BATCH, model="gpt-test", prices=prices)
        table = judge_rows(make_rows(10), config, tmp_path / "j.jsonl", endpoint(server.url))
    assert table.attrs["usd"] == pytest.approx(10 * (400 * 10 + 20 * 100) / 1e6 / 2)


def test_the_budget_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    prices = {"gpt-test": {"prompt": 10.0, "completion": 100.0}}
    journal = tmp_path / "j.jsonl"
    with llm_server(rpm=1e6, median_s=0.02) as server:
        config = settings(model="gpt-test", prices=prices, max_usd=0.1, timeout_s=10.0, in_flight=1)
        table = judge_rows(make_rows(40), config, journal, endpoint(server.url))
        assert table.attrs["usd"] <= 0.1 < table.attrs["estimated_usd"]
        asked = server.stats()["counts"]["requests"]
        words = Counter(table["verdict"])
        assert 5 < asked < 40 and words["error"] == 40 - asked
        assert "judging.max_usd" in table.loc[table["verdict"] == "error", "rationale"].iloc[0]
        # The same night again, be it for another model: the money is spent.
        rest = judge_rows(make_rows(45)[40:], config, journal, endpoint(server.url))
        assert set(rest["verdict"]) == {"error"} and server.stats()["counts"]["requests"] == asked
        whole = judge_rows(make_rows(40), settings(timeout_s=10.0), journal, endpoint(server.url))
        assert server.stats()["counts"]["requests"] == 40
    assert said(whole) == expected(40)
    with pytest.raises(InputError, match=r"judging\.prices has no price of 'gpt-unknown'"):
        judge_rows(make_rows(1), settings(model="gpt-unknown", max_usd=1.0), journal, endpoint(server.url))
