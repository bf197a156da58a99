"""One line a night in `history.jsonl`, so that a year of nights fits on one plot."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from tasks.common.store import write_atomically
from tasks.reporting.night import Night
from tasks.reporting.tables import comparison

LIBRARIES = ("text2sql-nightly", "torch", "transformers", "trl", "peft", "bitsandbytes", "sqlglot", "prefect")
MEASURES = [f"ex{end}_{role}" for role in ("champion", "challenger") for end in ("", "_low", "_high")]


def remember(store: Path, night: Night) -> None:
    """Add the night to the history. A night told twice (a retried task) is one line: the later."""
    line = _line(night)
    path = store / "history.jsonl"
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        kept = [old for old in _read(path) if (old["run"], old["time"]) != (line["run"], line["time"])]
        lines = [json.dumps(one, ensure_ascii=False) for one in [*kept, line]]
        write_atomically(path, "".join(f"{one}\n" for one in lines))


def read_history(store: Path) -> pd.DataFrame:
    """The nights so far, oldest first.

    Returns:
        One line for each night and language ('all' is one): `time`, `run`, `decision` ('promote', 'hold',
        'reject' or 'none'), `seconds`, `group`, and the columns of `tables.comparison`.
    """
    nights = _read(store / "history.jsonl")
    if not nights:
        return pd.DataFrame(columns=["time", "run", "decision", "seconds", "group", *MEASURES])
    table = pd.json_normalize(nights, record_path="accuracy", meta=["time", "run", "decision", "seconds"])
    return table.reindex(columns=[*table.columns, *(name for name in MEASURES if name not in table)])


def versions() -> dict[str, str]:
    """What the night ran on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _line(night: Night) -> dict[str, Any]:
    accuracy = comparison(night.models, "language")
    return {
        "time": night.refs.started.isoformat(timespec="seconds"),
        "run": night.refs.run_name,
        "decision": night.decision.decision if night.decision else "none",
        "models": {model.role: model.label for model in night.models},
        # Through pandas, which writes a missing share as null: NaN is not JSON.
        "accuracy": json.loads(accuracy.to_json(orient="records", double_precision=6)),
        "seconds": round(night.seconds, 1),
        "versions": versions(),
    }


def _read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]
