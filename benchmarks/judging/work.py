"""The work of one side in a process of its own, so that its CPU and memory are its own alone.

    python -m benchmarks.judging.work '{"side": "ours", "n": 1000, "url": "…", "folder": "…"}'

prints one line of JSON: wall_s, cpu_s, peak_mb, and the verdicts by the number of the row. Both sides have their
imports done and their rows made before the clock starts.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.judging.cookbook import process
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import parameters
from tasks.judging.judge import judge_rows
from tasks.judging.prompt import RESPONSE_FORMAT, is_query, messages, read_verdict
from tasks.llm.api import Api
from tasks.llm.endpoint import Endpoint

KEY = "sk-benchmark-0f1e2d3c4b5a"
DDL = "".join(f"CREATE TABLE t{t} (" + ", ".join(f"column_{c} INT" for c in range(8)) + ");\n" for t in range(8))


def make_rows(n: int) -> pd.DataFrame:
    """Rows of about 500 tokens each; the question's number says which it is."""
    return pd.DataFrame(
        {
            "example_id": [f"{i:016x}" for i in range(n)],
            "dialect": "mysql",
            "context": DDL,
            "question": [f"question {i}: how many are in the team?" for i in range(n)],
            "gold": [f"SELECT COUNT(*) FROM t0 WHERE column_1 = {i}" for i in range(n)],
            "sql": [f"SELECT COUNT(column_0) FROM t0 WHERE column_1 = {i}" for i in range(n)],
        }
    )


def endpoint(url: str) -> Endpoint:
    """The local server."""
    return Endpoint("gpt-4o", "gpt-4o", url, KEY, f"gpt-4o at {url}")


def ours(rows: pd.DataFrame, asked: dict[str, Any], folder: Path) -> dict[int, str]:
    """Verdicts by our judge, by number."""
    limits = {"requests_per_minute": 6000, "tokens_per_minute": 10**9, "timeout_s": 10.0, "in_flight": 512}
    config = JudgingConfig(**{**limits, **asked.get("config", {})})
    table = judge_rows(rows, config, folder / "journal.jsonl", endpoint(asked["url"]))
    words = table["verdict"].astype(str)
    return {int(name, 16): word for name, word in zip(table["example_id"], words, strict=True)}


def peer(rows: pd.DataFrame, asked: dict[str, Any], folder: Path) -> dict[int, str]:
    """Verdicts by the cookbook's loop, joined by position, as the seed does."""
    sampling = parameters(endpoint(asked["url"]))
    bodies = (
        {
            "model": "gpt-4o",
            "messages": messages({str(k): v for k, v in row.items()}),
            **sampling,
            "response_format": RESPONSE_FORMAT,
        }
        for row in rows.to_dict("records")
    )
    results = folder / "results.jsonl"
    asyncio.run(process(bodies, asked["url"], KEY, 6000, 1e9, results))
    said: dict[int, str] = {}
    for position, line in enumerate(results.read_text("utf-8").splitlines()):
        _, answer = json.loads(line)
        choices = answer["choices"] if isinstance(answer, dict) else []
        said[position] = read_verdict(choices[0]["message"]["content"] or "" if choices else "")[0] or "error"
    return said


def main() -> None:
    """Do the work, print what it took."""
    asked = json.loads(sys.argv[1])
    rows = make_rows(asked["n"])
    is_query("SELECT 1", "mysql")  # these two import on first use
    Api(endpoint(asked["url"]), timeout_s=1.0)
    began, cpu = time.monotonic(), time.process_time()
    said = (ours if asked["side"] == "ours" else peer)(rows, asked, Path(asked["folder"]))
    took = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**took, "peak_mb": peak_mb, "said": said}))


if __name__ == "__main__":
    main()
