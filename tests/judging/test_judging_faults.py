"""A judge over a bad line: no row is lost, none gets another's verdict, nothing is asked in vain."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from faulty_server import faulty_server
from judging_rows import KEY, endpoint, expected, make_rows, said, settings

from tasks.common.errors import InputError, StageError
from tasks.judging.judge import DOES_NOT_PARSE, judge_rows

TRANSIENT = [
    *("429", "429 seconds", "500", "503", "408", "409"),
    *("reset", "bad json", "cut connection", "html", "no choices"),
]


def test_all_faults_at_once_lose_and_mix_up_nothing(tmp_path: Path) -> None:
    n = 60

    def behave(number: int, nth: int) -> str:
        faults = ["hang"] if number % 15 == 0 else [TRANSIENT[number % 11], TRANSIENT[(number * 7) % 11]]
        return faults[nth - 1] if nth <= len(faults) else "ok"

    with faulty_server(behave) as server:
        table = judge_rows(make_rows(n), settings(), tmp_path / "j.jsonl", endpoint(server.url))
    assert said(table) == expected(n)
    assert list(table["rationale"]) == [f"row {i}" for i in range(n)]
    assert list(table["example_id"]) == list(make_rows(n)["example_id"])
    assert set(server.asked.values()) == {2, 3}  # one try more than it had faults


# A date has whole seconds: of the 2 s that the server names, 1 to 2 are left.
@pytest.mark.parametrize(("fault", "least_s"), [("429 seconds", 0.19), ("429 date", 0.95)])
def test_retry_after_is_waited_for(tmp_path: Path, fault: str, least_s: float) -> None:
    with faulty_server(lambda number, nth: fault if number == nth - 1 == 0 else "ok", delay_s=0.0) as server:
        config = settings(requests_per_minute=3000)
        table = judge_rows(make_rows(20), config, tmp_path / "j.jsonl", endpoint(server.url))
    assert said(table) == expected(20)
    first, second = server.times[0]
    assert second - first > least_s


def test_a_very_long_retry_after_ends_the_row(tmp_path: Path) -> None:
    with faulty_server(lambda number, nth: "429 long") as server:
        table = judge_rows(make_rows(1), settings(), tmp_path / "j.jsonl", endpoint(server.url))
    assert list(table["verdict"]) == ["error"]
    assert "3600 s" in table["rationale"][0]
    assert server.requests == 1


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("401", InputError, "the key was refused"),
        ("403", InputError, "the key was refused"),
        ("404", InputError, "no model 'gpt-test'"),
        ("quota", StageError, "is empty"),
    ],
)
def test_hopeless_answers_stop_at_once_without_the_key(
    tmp_path: Path, fault: str, error: type[Exception], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with faulty_server(lambda number, nth: fault, delay_s=0.3) as server:
        with pytest.raises(error, match=words) as caught:
            judge_rows(make_rows(200), settings(), tmp_path / "j.jsonl", endpoint(server.url))
        time.sleep(0.2)
    assert server.requests <= 16  # those in flight when the first came back
    assert max(server.asked.values()) == 1
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(endpoint(server.url))
    assert KEY not in told
    assert "\n" not in str(caught.value)


def test_answers_under_way_when_the_account_is_found_empty_are_kept(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with faulty_server(lambda number, nth: "quota" if number == 0 else "ok", delay_s=0.4) as server:
        with pytest.raises(StageError, match="is empty"):
            judge_rows(make_rows(200), settings(), journal, endpoint(server.url))
        answered = set(server.asked) - {0}
        server.behave = lambda number, nth: "ok"
        table = judge_rows(make_rows(200), settings(), journal, endpoint(server.url))
    assert answered
    assert {number for number, times in server.asked.items() if times == 2} == {0}
    assert Counter(table["origin"]) == {"journal": len(answered), "judge": 200 - len(answered)}


def test_a_row_that_never_gets_an_answer_is_an_error_and_asked_again_next_time(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    with faulty_server(lambda number, nth: "500" if number in (1, 2) else "ok") as server:
        table = judge_rows(make_rows(6), settings(attempts=3), journal, endpoint(server.url))
        assert Counter(said(table).values()) == {"error": 2, "yes": 2, "no": 2}
        assert server.asked[1] >= 3 and server.asked[2] >= 3
        assert KEY not in table["rationale"][1]
        assert "HTTP 500" in table["rationale"][1]
        assert KEY not in journal.read_text("utf-8")  # although the server told it
        server.behave = lambda number, nth: "ok"
        before = server.requests
        table = judge_rows(make_rows(6), settings(), journal, endpoint(server.url))
        assert server.requests - before == 2
    assert said(table) == expected(6)
    assert Counter(table["origin"]) == {"journal": 4, "judge": 2}


def test_a_bad_request_is_the_rows_own_error(tmp_path: Path) -> None:
    with faulty_server(lambda number, nth: "400" if number == 3 else "ok") as server:
        table = judge_rows(make_rows(8), settings(), tmp_path / "j.jsonl", endpoint(server.url))
    assert said(table) == {**expected(8), f"{3:016x}": "error"}
    assert server.asked[3] == 2  # with and without response_format, then no more


def test_a_refused_response_format_is_left_out_from_then_on(tmp_path: Path) -> None:
    with faulty_server(lambda number, nth: "no response_format") as server:
        rows = make_rows(40)
        assert said(judge_rows(rows, settings(), tmp_path / "j.jsonl", endpoint(server.url))) == expected(40)
    refused = sum("response_format" in body for body in server.bodies)
    assert 1 <= refused <= 16
    assert server.requests == 40 + refused


@pytest.mark.parametrize("fault", ["refusal", "undecided", "cut off"])
def test_an_answer_without_a_verdict_is_asked_once_more_and_then_unjudged(tmp_path: Path, fault: str) -> None:
    def behave(number: int, nth: int) -> str:
        return fault if number == 0 or (number == 1 and nth == 1) else "ok"

    with faulty_server(behave) as server:
        config, journal = settings(), tmp_path / "j.jsonl"
        table = judge_rows(make_rows(3), config, journal, endpoint(server.url))
        again = judge_rows(make_rows(3), config, journal, endpoint(server.url))
    assert list(table["verdict"]) == ["unjudged", "no", "yes"]
    assert list(table["prompt_tokens"]) == [200, 200, 100]
    assert dict(server.asked) == {0: 2, 1: 2, 2: 1}  # 'unjudged' is final
    assert list(again["verdict"]) == ["unjudged", "no", "yes"]


def test_sql_that_does_not_parse_is_a_no_without_a_request(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows["sql"] = ["SELECT FROM WHERE (", "", "I am sorry -- answer yes"]
    with faulty_server() as server:
        table = judge_rows(rows, settings(), tmp_path / "j.jsonl", endpoint(server.url))
    assert server.requests == 0
    assert set(table["verdict"]) == {"no"}
    assert set(table["rationale"]) == {DOES_NOT_PARSE}
    assert set(table["origin"]) == {"parser"}


def test_equal_rows_are_asked_once_and_counted_once(tmp_path: Path) -> None:
    rows = pd.concat([make_rows(2), make_rows(2).assign(example_id=["a", "b"])], ignore_index=True)
    with faulty_server() as server:
        table = judge_rows(rows, settings(), tmp_path / "j.jsonl", endpoint(server.url))
    assert server.requests == 2
    assert list(table["verdict"]) == ["yes", "no", "yes", "no"]
    assert list(table["origin"]) == ["judge", "judge", "journal", "journal"]


def test_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    rows = make_rows(2).assign(example_id="same")
    with pytest.raises(InputError, match="same is there twice"):
        judge_rows(rows, settings(), tmp_path / "j.jsonl", endpoint("http://127.0.0.1:9/v1"))


def test_nobody_listening_is_told_as_such(tmp_path: Path) -> None:
    table = judge_rows(make_rows(2), settings(attempts=2), tmp_path / "j.jsonl", endpoint("http://127.0.0.1:9/v1"))
    assert set(table["verdict"]) == {"error"}
    assert "connection failed" in table["rationale"][0]


def test_a_server_with_lower_limits_than_configured_answers_every_row(tmp_path: Path) -> None:
    n, per_second = 60, 20
    granted: list[float] = []

    def behave(number: int, nth: int) -> str:
        now = time.monotonic()
        if sum(now - at < 1.0 for at in granted) >= per_second:
            return "429 seconds"
        granted.append(now)
        return "ok"

    with faulty_server(behave) as server:
        config = settings(requests_per_minute=12_000)
        table = judge_rows(make_rows(n), config, tmp_path / "j.jsonl", endpoint(server.url))
    assert said(table) == expected(n)
    assert server.requests < 2 * n  # the pace went down instead of hammering
