"""Progress lines: few, with count, rate and time left, and always one at the end."""

from __future__ import annotations

import time

import pytest

from tasks.common.progress import throttled


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_lines_are_throttled_and_the_last_one_always_comes(clock: list[float]) -> None:
    told: list[tuple[str, float]] = []
    progress = throttled(lambda line, percent: told.append((line, percent)), every_s=5.0)
    for second in range(1, 13):
        clock[0] = 100.0 + second
        progress(second * 10, 120, "rows")
    assert [percent for _, percent in told] == [pytest.approx(100 * n / 120) for n in (50, 100, 120)]
    assert told[0][0] == "████████░░░░░░░░░░░░  42 % · 50/120 rows · 10.00/s, 7 s left"
    assert told[-1][0] == "████████████████████ 100 % · 120/120 rows · 10.00/s"


def test_nothing_to_do_tells_nothing(clock: list[float]) -> None:
    told: list[float] = []
    throttled(lambda line, percent: told.append(percent))(0, 0, "rows")
    assert told == []


def test_what_an_earlier_run_left_done_does_not_make_this_one_faster(clock: list[float]) -> None:
    told: list[str] = []
    progress = throttled(lambda line, percent: told.append(line), every_s=5.0)
    clock[0] += 30  # a model is loaded
    progress(900, 1000, "rows")
    clock[0] += 10
    progress(920, 1000, "rows")
    assert told[0].endswith("90 % · 900/1,000 rows")
    assert told[1].endswith("92 % · 920/1,000 rows · 2.00/s, 40 s left")


def test_another_count_begins_anew(clock: list[float]) -> None:
    told: list[str] = []
    progress = throttled(lambda line, percent: told.append(line), every_s=5.0)
    progress(240, 240, "queries")
    clock[0] += 10
    progress(0, 240, "rows")
    clock[0] += 10
    progress(20, 240, "rows")
    assert told[1].endswith("0 % · 0/240 rows")
    assert told[2].endswith("20/240 rows · 2.00/s, 110 s left")
