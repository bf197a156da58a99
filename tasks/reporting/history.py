"""One line a night in `history.jsonl`: accuracy, decision, cost and time, from which the trends are drawn.

    {"id": "0193…", "flow": "retrain-and-evaluate", "time": "2026-11-21T17:00:00+00:00", "run": "night-…",
     "decision": "promote", "error": "", "accuracy": [{"group": "all", "ex_champion": 0.41, …}, …],
     "seconds": 754.0, "stages": {"adapter": 402.1, …}, "usd": 0.0312, "report": "2026-….html", …}

A flow run is one line: told again (a retry, or a kill and a retry) it replaces what was said before. The file is
replaced as a whole, so that a crash leaves the old one or the new one; a line that is no JSON is passed over.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from tasks.common.store import write_atomically
from tasks.reporting.night import Night, stage_outputs
from tasks.reporting.tables import comparison

LIBRARIES = ("text2sql-nightly", "torch", "transformers", "trl", "peft", "bitsandbytes", "sqlglot", "prefect")
MEASURES = [f"ex{end}_{role}" for role in ("champion", "challenger") for end in ("", "_low", "_high")]
DEFAULTS: dict[str, Any] = {
    "id": "", "flow": "", "error": "", "report": "", "stages": {}, "usd": 0.0, "seconds": 0.0, "accuracy": [],
    "models": {},
}  # fmt: skip


@dataclass(frozen=True)
class History:
    """The nights so far, oldest first.

    Attributes:
        nights: a line for each night: `time` (aware), `run` (its name), `id` (of the flow run, '' if it is not known),
            `flow`, `decision` ('promote', 'hold', 'reject', 'none', 'failed', 'crashed' or 'cancelled'), `error`,
            `seconds`, `stages` (seconds of what was made, by stage), `usd` (paid to the judge) and `report` (the name
            of its page, or '').
        accuracy: a line for each night and language ('all' is one): `night` (its label in `nights`), `group` and the
            columns of `tables.comparison`; a night that failed early has none.
    """

    nights: pd.DataFrame
    accuracy: pd.DataFrame

    def last(self, most: int) -> History:
        """The newest nights, numbered from 0 again."""
        nights = self.nights.tail(most)
        accuracy = self.accuracy[self.accuracy["night"].isin(nights.index)]
        first = len(self.nights) - len(nights)
        return History(nights.reset_index(drop=True), accuracy.assign(night=accuracy["night"] - first))


def remember(store: Path, night: Night, run_id: str = "", flow: str = "", report: str = "") -> None:
    """Add a night that came to its report.

    Args:
        store: root folder of the store.
        night: what was measured and decided.
        run_id: of the flow run; without one the night is known by its name and time.
        flow: its name.
        report: name of the night's page in the folder `reports`.
    """
    accuracy = comparison(night.models, "language")
    refs = night.refs
    line = {
        "id": run_id,
        "flow": flow,
        "time": refs.started.isoformat(timespec="seconds"),
        "run": refs.run_name,
        "decision": "failed" if refs.not_promoted else night.decision.decision if night.decision else "none",
        "error": refs.not_promoted,
        "models": {model.role: model.label for model in night.models},
        # Through pandas, which writes a missing share as null: NaN is not JSON.
        "accuracy": json.loads(accuracy.to_json(orient="records", double_precision=6)),
        "seconds": round(night.seconds, 1),
        "stages": stage_seconds(night),
        "usd": judge_usd(night),
        "report": report,
        "versions": versions(),
    }
    _write(store, line, lambda _: line)


def remember_failure(
    store: Path, *, run_id: str, flow: str, run: str, started: datetime, seconds: float, decision: str, error: str
) -> None:
    """Add a night that did not come to its end; what it had told before it failed stays.

    Args:
        store: root folder of the store.
        run_id: of the flow run.
        flow: its name.
        run: the run's name.
        started: when it began.
        seconds: how long it took.
        decision: 'failed', 'crashed' or 'cancelled'.
        error: why, in one line.
    """
    line = {
        "id": run_id,
        "flow": flow,
        "time": started.isoformat(timespec="seconds"),
        "run": run,
        "seconds": round(seconds, 1),
        "versions": versions(),
    }
    told = {"decision": decision, "error": " ".join(error.split())}
    _write(store, line, lambda before: {**line, **before, **told})


def read_history(store: Path) -> History:
    """The nights so far; also those of older versions, which told less."""
    lines = [DEFAULTS | line for line in _read(store / "history.jsonl")]
    names = ["time", "run", "decision", *(name for name in DEFAULTS if name not in ("accuracy", "models"))]
    nights = pd.DataFrame([{name: line[name] for name in names} for line in lines], columns=names)
    nights["time"] = pd.to_datetime(nights["time"], utc=True)
    told = [{"night": number, **group} for number, line in enumerate(lines) for group in line["accuracy"]]
    accuracy = pd.DataFrame(told)
    columns = [*accuracy.columns, *(name for name in ("night", "group", *MEASURES) if name not in accuracy)]
    accuracy = accuracy.reindex(columns=columns)
    return History(nights, accuracy.astype(dict.fromkeys(MEASURES, float)))


def stage_seconds(night: Night) -> dict[str, float]:
    """Seconds by stage of what this night made; what was reused took none."""
    seconds: dict[str, float] = {}
    for output, _ in stage_outputs(night.refs):
        if not output.reused:
            seconds[output.stage] = round(seconds.get(output.stage, 0) + output.seconds, 1)
    return seconds


def judge_usd(night: Night) -> float:
    """What the judge was paid this night, in dollars; verdicts that lay there already cost nothing again."""
    verdicts = [output for output, _ in stage_outputs(night.refs) if output.stage == "verdicts" and not output.reused]
    return round(sum(float(output.counts.get("usd", 0)) for output in verdicts), 4)


def versions() -> dict[str, str]:
    """What the night ran on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _write(store: Path, line: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put `change(what was told of this run, or {})` in the place of `line`'s run."""
    path = store / "history.jsonl"
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        told = _read(path)
        same = [old for old in told if _name(old) == _name(line)]
        kept = [old for old in told if _name(old) != _name(line)]
        lines = [*kept, change(same[-1] if same else {})]
        write_atomically(path, "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in lines))


def _name(line: dict[str, Any]) -> tuple[str, ...]:
    """What tells a night from others."""
    return (line["id"],) if line.get("id") else (line["run"], line["time"])


def _read(path: Path) -> list[dict[str, Any]]:
    """The lines of the file, oldest night first, each night as it was told last."""
    nights: dict[tuple[str, ...], tuple[datetime, dict[str, Any]]] = {}
    for text in path.read_bytes().splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
            nights[_name(line)] = (datetime.fromisoformat(line["time"]).astimezone(), line)
        except (ValueError, TypeError, LookupError, AttributeError):  # torn, or none of ours
            continue
    return [line for _, line in sorted(nights.values(), key=lambda night: night[0])]
