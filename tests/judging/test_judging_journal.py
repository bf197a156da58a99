"""The journal under kill -9, under two runs at once, and with damaged lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from faulty_server import faulty_server
from judging_rows import KEY, endpoint, expected, make_rows, said, settings

from tasks.judging.judge import Verdict, judge_rows
from tasks.llm.journal import Journal

JUDGE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from judging_rows import endpoint, make_rows, settings
from tasks.judging.judge import judge_rows
judge_rows(make_rows(int(sys.argv[4])), settings(), Path(sys.argv[2]), endpoint(sys.argv[3]))
"""


def start_judging(journal: Path, url: str, n: int) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parent)
    return subprocess.Popen([sys.executable, "-c", JUDGE, here, str(journal), url, str(n)])


def test_after_kill_9_no_answered_row_is_asked_again(tmp_path: Path) -> None:
    n, journal = 80, tmp_path / "j.jsonl"
    with faulty_server(delay_s=0.4) as server:
        child = start_judging(journal, server.url, n)
        deadline = time.monotonic() + 60
        while not journal.exists() or journal.read_bytes().count(b"\n") < 20:
            assert time.monotonic() < deadline and child.poll() is None
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        kept = journal.read_bytes()
        journal.write_bytes(kept + b'{"key": "torn", "verd')  # killed in the middle of a line
        asked_before = server.asked.copy()
        server.delay_s = 0.01
        table = judge_rows(make_rows(n), settings(), journal, endpoint(server.url))
    answered = kept.count(b"\n")
    assert 20 <= answered < n
    assert said(table) == expected(n)
    assert list(table["rationale"]) == [f"row {i}" for i in range(n)]
    from_journal = table.loc[table["origin"] == "journal", "example_id"]
    assert len(from_journal) == answered
    for name in from_journal:
        assert server.asked[int(name, 16)] == asked_before[int(name, 16)] == 1
    assert sum(server.asked.values()) <= n + 16  # those in flight at the kill
    lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert len(lines) == len({line["key"] for line in lines}) == n
    assert KEY not in journal.read_text("utf-8")


def test_two_runs_at_once_share_the_file(tmp_path: Path) -> None:
    n, journal = 60, tmp_path / "j.jsonl"
    with faulty_server(delay_s=0.1) as server:
        runs = [start_judging(journal, server.url, n) for _ in range(2)]
        assert [run.wait(60) for run in runs] == [0, 0]
        assert sum(server.asked.values()) < 2 * n
        before = server.requests
        table = judge_rows(make_rows(n), settings(), journal, endpoint(server.url))
        assert server.requests == before
    assert said(table) == expected(n)
    for line in filter(None, journal.read_text("utf-8").splitlines()):
        Verdict.model_validate_json(line)


def verdict(key: str, word: str = "yes") -> Verdict:
    return Verdict.model_validate({"key": key, "verdict": word, "rationale": "왜냐하면\nx"})


def test_final_words_stay_and_errors_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    book = Journal(path, Verdict)
    for word in ("error", "unjudged", "yes"):
        book.add(verdict("k", word))
        book.add(verdict(word, word))
    assert book.find("error") is None
    found = book.find("k")
    assert found is not None and found.verdict == "unjudged"


def test_another_model_prompt_or_row_is_another_question(tmp_path: Path) -> None:
    rows, journal = make_rows(4), tmp_path / "j.jsonl"
    with faulty_server() as server:
        judge_rows(rows, settings(), journal, endpoint(server.url))
        shuffled = rows.sample(frac=1, random_state=3).assign(example_id=list("wxyz"))
        table = judge_rows(shuffled, settings(), journal, endpoint(server.url))
        assert set(table["origin"]) == {"journal"}  # by content, whatever the order and the names
        assert list(table["rationale"]) == [f"row {q.split()[1]}" for q in shuffled["question"]]
        rows.loc[0, "gold"] = "SELECT 1"
        table = judge_rows(rows, settings(), journal, endpoint(server.url))
        assert list(table["origin"]) == ["judge", "journal", "journal", "journal"]
