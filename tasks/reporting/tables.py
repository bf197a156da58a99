"""The report's tables as plain frames, with numbers as numbers: shares run from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tasks.common.store import StageOutput
from tasks.judging.agreement import Agreement
from tasks.reporting.night import Model, Night, NightRefs, stage_outputs
from tasks.scoring.accuracy import decided, measures, parts
from tasks.scoring.gate import pair, paired_result

ALL = "all"
OUTCOMES = ("equal", "different", "invalid", "undecided", "unsupported")


def accuracy(scores: pd.DataFrame, by: str) -> pd.DataFrame:
    """Accuracies of one model over all rows and by the values of the column `by`, largest group first.

    Returns:
        `group`, `rows`, `undecided`, and for each measure `m` of `em`, `em_canonical`, `ex` the share `m`
        with its 95% Wilson interval `m_low`, `m_high`. EX is a share of the rows that execution decided.
    """
    lines = {ALL: scores, **parts(scores, by)}
    return pd.DataFrame([{"group": group, **measures(part)} for group, part in lines.items()])


def comparison(models: Sequence[Model], by: str) -> pd.DataFrame:
    """Accuracies of the night's one or two models side by side.

    Returns:
        `group`, `rows`, then the other columns of `accuracy` with `_champion` or `_challenger` behind them;
        with two models also `gain`, `newly_right`, `newly_wrong` and `p_value`, of the rows decided for both.
    """
    tables = [accuracy(model.scores, by).set_index(["group", "rows"]) for model in models]
    sides = [table.add_suffix(f"_{model.role}") for table, model in zip(tables, models, strict=True)]
    if len(models) == 2:
        sides.append(_paired(models, by, tables[0].index))
    return pd.concat(sides, axis=1).reset_index()


def _paired(models: Sequence[Model], by: str, groups: pd.Index) -> pd.DataFrame:
    pairs = pair(models[0].scores, models[1].scores)
    told = pairs[pairs["decided"]]
    fields = {"gain", "newly_right", "newly_wrong", "p_value"}
    results = [paired_result(told if group == ALL else told[told[by] == group]) for group, _ in groups]
    return pd.DataFrame([result.model_dump(include=fields) for result in results], index=groups)


def outcomes(models: Sequence[Model]) -> pd.DataFrame:
    """How execution ended, counted: `outcome`, and a column for each model's role."""
    counted = {model.role: model.scores["outcome"].value_counts() for model in models}
    table = pd.DataFrame(counted).reindex(OUTCOMES).fillna(0).astype(int)
    return table[table.sum(axis=1) > 0].rename_axis("outcome").reset_index()


def stages(refs: NightRefs) -> pd.DataFrame:
    """What was made tonight and what lay there already: `stage`, `of`, `how`, `seconds`, `key`, `figures`."""
    return pd.DataFrame([_stage_line(output, of) for output, of in stage_outputs(refs)])


def _stage_line(output: StageOutput, of: str) -> dict[str, Any]:
    return {
        "stage": output.stage.replace("_", " "),
        "of": of,
        "how": "reused" if output.reused else "made",
        "seconds": f"{output.seconds:,.1f}",
        "key": output.key[:8],
        "figures": ", ".join(f"{name} {value}" for name, value in output.counts.items()),
    }


def figures(output: StageOutput | None) -> pd.DataFrame:
    """A stage's own figures, one a line: `figure`, `value` (text); no line when there is no such stage."""
    counts = output.counts if output else {}
    lines = [(name.replace("_", " "), f"{v:,}" if isinstance(v, int) else str(v)) for name, v in counts.items()]
    return pd.DataFrame(lines, columns=["figure", "value"])


def memory(night: Night) -> pd.DataFrame:
    """Memory of training by part: `part`, `predicted MB`, `measured MB` (text), the first step's."""
    lines = [
        {
            "part": one["part"],
            "predicted MB": _megabytes(one["predicted_mb"]),
            "measured MB": _megabytes(one["measured_mb"]),
        }
        for one in night.memory
    ]
    return pd.DataFrame(lines)


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def reasons(summary: dict[str, Any]) -> pd.DataFrame:
    """Why rows are in quarantine: `reason`, `rows`, most frequent first (a row may have several reasons)."""
    table = pd.DataFrame(list(summary["reasons"].items()), columns=["reason", "rows"])
    return table.sort_values("rows", ascending=False, ignore_index=True)


def quarantine_groups(summary: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Where rows in quarantine come from: by source, domain and kind of query, a frame each; no rows, no frame."""
    found = summary["quarantine"]
    groups = {by: pd.DataFrame(found[f"by_{by}"]) for by in ("source", "domain", "kind")}
    return {by: table.rename(columns={"reason": "most often"}) for by, table in groups.items() if len(table)}


def composition(summary: dict[str, Any]) -> pd.DataFrame:
    """Rows by `split` ('read': before anything was left out; 'train', 'eval'), `language`, `domain`, `complexity`."""
    lines = [*summary["before"], *summary["by"]]
    table = pd.DataFrame(lines, columns=["split", "language", "domain", "complexity", "rows"])
    return table.fillna({"language": "unknown", "domain": "unknown", "complexity": "unknown"})


def examples(night: Night, most: int) -> dict[str, pd.DataFrame]:
    """Answers worth reading, at most `most` of a sort, drawn by example id (a hash: as good as at random).

    Returns:
        By title, frames with `example_id`, `language`, `complexity`, `question`, `gold`, `champion` and
        (with two models) `challenger`: their SQL; `reason`, `counterexample`: what execution says of the
        latter; and where the judge spoke `verdict`, `rationale`.
    """
    last = night.models[-1]
    rows = _side_by_side(night.models).sort_values("example_id")
    sorts = {}
    if night.challenger:
        sorts["Newly right"] = ~rows["right_before"] & rows["right"]
        sorts["Newly wrong"] = rows["right_before"] & ~rows["right"]
    else:
        sorts["Wrong"] = ~rows["right"]
    if last.verdicts is not None:
        sorts["The judge and execution disagree"] = rows["disagree"]
    told = rows["decided"]
    return {title: rows[chosen & told].head(most) for title, chosen in sorts.items()}


def _side_by_side(models: Sequence[Model]) -> pd.DataFrame:
    first, last = models[0].scores, models[-1].scores
    rows = first[["example_id", "language", "complexity", "question", "gold"]].assign(
        champion=first["sql"],
        right_before=first["correct"].astype(bool),
        decided=first.index.isin(decided(first).index),
    )
    newest = last[["example_id", "sql", "correct", "reason", "counterexample", "outcome"]]
    rows = rows.merge(newest.rename(columns={"sql": "challenger", "correct": "right"}), on="example_id")
    rows["right"] = rows["right"].astype(bool)
    rows["decided"] &= rows["example_id"].isin(decided(last)["example_id"])
    verdicts = models[-1].verdicts
    if verdicts is not None:
        rows = rows.merge(verdicts[["example_id", "verdict", "rationale"]], on="example_id", how="left")
        rows[["verdict", "rationale"]] = rows[["verdict", "rationale"]].fillna("")
        said = rows["verdict"].map({"yes": True, "no": False})
        rows["disagree"] = said.notna() & (said != rows["right"])
    return rows if len(models) == 2 else rows.drop(columns="challenger")


def judgements(night: Night) -> pd.DataFrame:
    """What the judge said of each model: `model`, rows by verdict, `fell for` (canaries with the wrong verdict)."""
    judged = [(model.role, model.verdicts) for model in night.models if model.verdicts is not None]
    counted = {role: verdicts["verdict"].value_counts() for role, verdicts in judged}
    table = pd.DataFrame(counted, index=pd.Index(["yes", "no", "unjudged", "error"])).fillna(0).astype(int)
    outputs = [refs.verdicts for refs in (night.refs.champion, night.refs.challenger) if refs and refs.verdicts]
    fallen = [output.counts["canaries_failed"] or "no canary" for output in outputs]
    return table.T.rename_axis("model").reset_index().assign(**{"fell for": fallen})


def confusion(found: Agreement) -> pd.DataFrame:
    """The judge's word against execution, counted over all models."""
    return pd.DataFrame(
        {
            "judge says": ["yes", "no"],
            "execution: right": [found.yes_right, found.no_right],
            "execution: wrong": [found.yes_wrong, found.no_wrong],
        }
    )
