"""The door of scoring: score one model's predictions, decide between two models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from prefect import get_run_logger

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.common.task import log_output, named_task, task_progress
from tasks.scoring import gate as gates
from tasks.scoring.accuracy import count
from tasks.scoring.config import GateConfig
from tasks.scoring.judge import judge_note, judged_of_both, pooled_agreement
from tasks.scoring.refs import ModelRefs
from tasks.scoring.score import freeze_databases, score_rows
from tasks.sql.config import SqlConfig


@named_task("databases")
def make_databases(data: StageOutput, sql: SqlConfig, store: str) -> StageOutput:
    """Make the databases that every model's answers to these evaluation rows are run on."""

    def build(folder: Path) -> Counts:
        rows = pd.read_parquet(data.file("eval.parquet"))
        return {**freeze_databases(rows, sql, folder, task_progress("making databases"))}

    inputs = {"data": data.sha256, "sql": sql.model_dump(mode="json")}
    return log_output(run_stage(Path(store), "databases", inputs=inputs, code=["tasks.sql"], build=build))


@named_task("score {label}")
def score(
    data: StageOutput, databases: StageOutput, predictions: StageOutput, label: str, sql: SqlConfig, store: str
) -> StageOutput:
    """Score `label`'s predictions by exact match and by execution on generated databases."""

    def build(folder: Path) -> Counts:
        scores = score_rows(
            pd.read_parquet(data.file("eval.parquet")),
            pd.read_parquet(predictions.file("predictions.parquet")),
            sql,
            task_progress(f"scoring {label}"),
            Path(databases.path),
        )
        scores.to_parquet(folder / "scores.parquet")
        return count(scores)

    hashes = {"data": data.sha256, "databases": databases.sha256, "predictions": predictions.sha256}
    inputs = {**hashes, "sql": sql.model_dump(mode="json")}
    code = ["tasks.sql", "tasks.scoring.score", "tasks.scoring.accuracy"]
    return log_output(run_stage(Path(store), "scores", inputs=inputs, code=code, build=build))


@named_task("decide")
def decide(
    champion: ModelRefs, challenger: ModelRefs, trial: int, gate: GateConfig, min_kappa: float, store: str
) -> StageOutput:
    """Decide from the scores of both models whether the challenger replaces the champion.

    It is number `trial` of the challengers tried against this champion. The judge's agreement with execution is
    carried along; with less than `min_kappa` it is not trusted, and its verdicts are not used.
    """
    scores = [pd.read_parquet(one.scores.file("scores.parquet")) for one in (champion, challenger)]
    judged = [
        (pd.read_parquet(one.verdicts.file("verdicts.parquet")), table)
        for one, table in zip((champion, challenger), scores, strict=True)
        if one.verdicts
    ]
    agreement = pooled_agreement(judged, min_kappa)
    decision = gates.decide(
        scores[0],
        scores[1],
        gate,
        trial=trial,
        champion=champion.label,
        challenger=challenger.label,
        judge_note=judge_note(agreement),
        judged=judged_of_both(judged) if agreement is not None and agreement.trusted else None,
    )
    get_run_logger().info("%s. %s", decision.decision.upper(), " ".join(decision.reasons))

    def build(folder: Path) -> Counts:
        (folder / "decision.json").write_text(decision.model_dump_json(indent=2), "utf-8")
        return {
            "decision": decision.decision,
            "rows": decision.rows,
            "gain": round(decision.gain, 4),
            "p_value": round(decision.p_value, 6),
        }

    # The decision itself is the key: it is cheap, so it is made anew each night and only its file is kept.
    inputs = {"decision": decision.model_dump(mode="json")}
    return log_output(run_stage(Path(store), "decision", inputs=inputs, code=[], build=build))
