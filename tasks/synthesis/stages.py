"""The stages `synthesis` and `cleaning`: what was made or kept, what was refused, and what it cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.data.config import DataConfig
from tasks.data.sources.read import read_rows, source_names
from tasks.llm.endpoint import Endpoint
from tasks.synthesis.asker import Asker
from tasks.synthesis.clean import look_through
from tasks.synthesis.collection import COLUMNS, Collection
from tasks.synthesis.config import BudgetedConfig, CleaningConfig, Domain, Domains, SynthesisConfig
from tasks.synthesis.synthesize import synthesize

JOURNAL = Path("synthesis", "journal.jsonl")
ROWS, REFUSED, SUMMARY = "rows.parquet", "refused.parquet", "summary.json"
_CODE = ["tasks.synthesis", "tasks.llm", "tasks.sql", "tasks.data"]
_HOW_FAST = {
    "store",
    "requests_per_minute",
    "tokens_per_minute",
    "attempts",
    "timeout_s",
    "outage_s",
    "in_flight",
    "secret_block",
}


@dataclass(frozen=True)
class Outcome:
    """What a stage writes: the rows to go on with, the refused ones, and figures about both."""

    rows: pd.DataFrame
    refused: pd.DataFrame
    summary: dict[str, Any]

    def write(self, folder: Path) -> Counts:
        """Write all of it into a folder; the figures that are numbers or words are the stage's counts."""
        self.rows.to_parquet(folder / ROWS, index=False)
        self.refused.to_parquet(folder / REFUSED, index=False)
        (folder / SUMMARY).write_text(json.dumps(self.summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
        return {name: value for name, value in self.summary.items() if isinstance(value, int | float | str)}


def read_domains(path: str) -> tuple[Domain, ...]:
    """The domains of a YAML file.

    Raises:
        InputError: no such file, not YAML, a wrong key or value in it, or two domains of one name.
    """
    domains = Domains.load(Path(path)).domains
    names = [domain.name for domain in domains]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}: domain '{name}' is there twice")
    return domains


def make_synthesis(config: SynthesisConfig, endpoint: Endpoint, progress: Progress = silent) -> StageOutput:
    """Have rows written until there are enough of them or the budget is spent.

    Returns:
        Stage `synthesis`: rows.parquet [db_id, context, question, answer, dialect, language, domain, complexity],
        refused.parquet [the same, reason], summary.json.

    Raises:
        InputError: the domains, the key, the model or the address is wrong.
    """
    domains = read_domains(config.domains)

    def make(asker: Asker) -> Outcome:
        made = Collection(config.sql, config.must_return_rows)
        stopped = synthesize(domains, config, asker, made, progress)
        rows = pd.DataFrame(made.rows, columns=COLUMNS, dtype="str")
        refused = pd.DataFrame(made.refused, columns=[*COLUMNS, "reason"], dtype="str")
        groups = rows.groupby(["domain", "language", "complexity"]).size()
        summary = {
            "wanted": config.rows,
            "accepted": len(rows),
            "refused": len(refused),
            "schemas": int(rows["db_id"].nunique()),
            "stopped": stopped,
            **_spent(asker),
            "refused_by_reason": made.reasons(),
            "by": [
                dict(zip(("domain", "language", "complexity", "rows"), (*key, int(n)), strict=True))  # type: ignore[misc]
                for key, n in groups.items()
            ],
        }
        return Outcome(rows, refused, summary)

    inputs = {"domains": [domain.model_dump(mode="json") for domain in domains]}
    return _stage("synthesis", inputs, make, config, endpoint, Path(config.domains).stem)


def make_cleaning(config: CleaningConfig, endpoint: Endpoint, progress: Progress = silent) -> StageOutput:
    """Have every row of a file looked at.

    Returns:
        Stage `cleaning`: rows.parquet with the rows kept [row, the columns of the data room, fits, reason], fits being
        'yes' or 'undecided'; refused.parquet with those that do not fit; summary.json.

    Raises:
        InputError: the file, the key, the model or the address is wrong.
    """
    data = DataConfig(sources=(config.source,))
    (name,) = source_names(data)
    rows = read_rows(data).reset_index()

    def make(asker: Asker) -> Outcome:
        looked_at = look_through(rows, asker, progress)
        unfit = looked_at["fits"] == "no"
        said = looked_at["fits"].value_counts()
        summary = {
            "rows": len(rows),
            "kept": int((~unfit).sum()),
            "refused": int(unfit.sum()),
            "undecided": int(said.get("undecided", 0)),
            "stopped": asker.stopped or "all rows were looked at",
            **_spent(asker),
        }
        return Outcome(looked_at[~unfit], looked_at[unfit], summary)

    inputs = {"rows": [str(name) for name in rows["example_id"]]}
    return _stage("cleaning", inputs, make, config, endpoint, Path(name).stem)


def _spent(asker: Asker) -> dict[str, int | float]:
    return {
        "asked": asker.asked,
        "from_journal": asker.from_journal,
        "unanswered": len(asker.unanswered),
        "prompt_tokens": asker.prompt_tokens,
        "completion_tokens": asker.completion_tokens,
        "usd": round(asker.usd, 4),
    }


class _UnfinishedError(Exception):
    def __init__(self, outcome: Outcome, unanswered: list[str]) -> None:
        super().__init__("requests without an answer")
        self.outcome, self.unanswered = outcome, unanswered


def _stage(
    stage: str,
    inputs: dict[str, Any],
    make: Callable[[Asker], Outcome],
    config: BudgetedConfig,
    endpoint: Endpoint,
    name: str,
) -> StageOutput:
    """Run a stage and put its rows where a source of data can name them: STORE/<stage>/<name>.parquet.

    What was made although requests got no answer is stored too, but under a key that says so: the next run finds
    no finished output and asks for what is missing alone.
    """
    store = Path(config.store)
    inputs = {**inputs, "config": config.model_dump(mode="json", exclude=_HOW_FAST), "endpoint": endpoint.identity}

    def build(folder: Path) -> Counts:
        asker = Asker(endpoint, config, store / JOURNAL)
        outcome = make(asker)
        if asker.unanswered:
            raise _UnfinishedError(outcome, sorted(asker.unanswered))
        return outcome.write(folder)

    try:
        output = run_stage(store, stage, inputs=inputs, code=_CODE, build=build)
    except _UnfinishedError as unfinished:
        inputs = {**inputs, "unanswered": unfinished.unanswered}
        output = run_stage(store, stage, inputs=inputs, code=_CODE, build=unfinished.outcome.write)
    _copy(output.file(ROWS), store / stage / f"{name}.parquet")
    return output


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.with_name(f".{to.name}")
    shutil.copyfile(file, temporary)
    temporary.replace(to)
