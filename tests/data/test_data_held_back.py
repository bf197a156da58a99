from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.data.held_back import hold_back


@pytest.fixture
def data(tmp_path: Path) -> StageOutput:
    rows = pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(40)],
            "language": ["en"] * 30 + ["ko"] * 10,
            "domain": ["shops"] * 35 + ["games"] * 5,
            "complexity": "basic SQL",
        }
    )
    rows.to_parquet(tmp_path / "train.parquet")
    return StageOutput(stage="data", key="d", path=str(tmp_path), sha256="d", counts={}, seconds=0)


def test_rows_are_held_back_evenly_and_no_row_is_on_both_sides(data: StageOutput, tmp_path: Path) -> None:
    made = hold_back(data, 12, 3, tmp_path / "store")
    train, back = (pd.read_parquet(made.file(f"{name}.parquet")) for name in ("train", "eval"))
    assert made.counts == {"train": 28, "held_back": 12}
    assert sorted([*train["example_id"], *back["example_id"]]) == [f"{i:016x}" for i in range(40)]
    assert back.groupby(["language", "domain"]).size().tolist() == [4, 4, 4]
    again, other = (hold_back(data, 12, seed, tmp_path / "another") for seed in (3, 4))
    assert again.sha256 == made.sha256 != other.sha256


def test_more_than_half_is_refused(data: StageOutput, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.validation_rows: 21 of the 40 training rows; expected half"):
        hold_back(data, 21, 3, tmp_path / "store")
