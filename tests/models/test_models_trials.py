from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.models.trials import trial

ROWS, OTHER_ROWS = "3fa1" * 16, "77c0" * 16


def test_each_challenger_of_a_champion_has_its_number_and_keeps_it(tmp_path: Path) -> None:
    assert [trial(tmp_path, "v1", f"v{n}", ROWS) for n in (2, 3, 4)] == [1, 2, 3]
    assert trial(tmp_path, "v1", "v3", ROWS) == 2
    assert trial(tmp_path, "v1", "v3", OTHER_ROWS) == 4
    assert trial(tmp_path, "v3", "v4", ROWS) == 1


def test_nights_at_the_same_time_get_numbers_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: trial(tmp_path, "v1", f"v{n}", ROWS), range(40)))
    assert sorted(numbers) == list(range(1, 41))
