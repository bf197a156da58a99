"""Which sampled answers are right: each one is run beside its gold query, as the scores of a night are made."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.inference.config import InferenceConfig
from tasks.sql.config import SqlConfig
from tasks.sql.exact import canonical_form
from tasks.sql.execution import compare

# Outcomes of execution; an answer of any other is neither right nor shown to be wrong.
RIGHT, WRONG = "equal", ("different", "invalid")
TOO_SLOW = "too slow"  # how the reason of such an outcome begins; a limit of ours, not a mistake of the model
COLUMNS = ["example_id", "answer", "outcome", "reason", "verdict", "complete", "form"]


def verify(
    sampled: StageOutput, inference: InferenceConfig, sql: SqlConfig, store: Path, progress: Progress = silent
) -> StageOutput:
    """Run all sampled answers.

    Writes verified.parquet: a line an answer, in the order of the sample, with `example_id`, `answer` (the sampled
    SQL), `outcome` and `reason` as scores have them, `verdict` ('right', 'wrong', or 'open' where execution does not
    decide), `complete` (not cut off, not empty), and `form` (equal for answers that are one query in other words).
    """

    def build(folder: Path) -> Counts:
        questions = pd.read_parquet(sampled.file("questions.parquet"))
        answers = pd.read_parquet(sampled.file("predictions.parquet"))
        verified = verify_answers(questions, answers, inference.max_new_tokens, sql, progress)
        verified.to_parquet(folder / "verified.parquet", index=False)
        counted = verified["verdict"].value_counts()
        return {"answers": len(verified), **{name: int(counted.get(name, 0)) for name in ("right", "wrong", "open")}}

    return run_stage(
        store,
        "verified_answers",
        inputs={
            "sampled": sampled.sha256,
            "max_new_tokens": inference.max_new_tokens,
            "sql": sql.model_dump(mode="json"),
        },
        code=["tasks.improving.verify", "tasks.sql"],
        build=build,
    )


def verify_answers(
    questions: pd.DataFrame, answers: pd.DataFrame, max_new_tokens: int, sql: SqlConfig, progress: Progress = silent
) -> pd.DataFrame:
    """The columns of verified.parquet (see `verify`) for rows `questions` and their sampled `answers`."""
    # The same text is run once.
    asked = questions[["example_id", "context", "answer", "dialect"]].rename(columns={"answer": "gold"})
    distinct = answers[["example_id", "sql"]].drop_duplicates().merge(asked, on="example_id", validate="m:1")
    run = pd.concat(
        distinct.loc[rows.index, ["example_id", "sql"]].join(
            compare(rows.rename(columns={"sql": "prediction"}), str(dialect), sql, progress)[["outcome", "reason"]]
        )
        for dialect, rows in distinct.groupby("dialect")
    )
    forms = [
        _form(text, outcome, context, dialect)
        for text, outcome, context, dialect in distinct.assign(outcome=run["outcome"])[
            ["sql", "outcome", "context", "dialect"]
        ].itertuples(index=False)
    ]
    found = answers.merge(run.assign(form=pd.Series(forms, index=distinct.index)), on=["example_id", "sql"], how="left")
    wrong = found["outcome"].isin(WRONG) & ~found["reason"].str.startswith(TOO_SLOW)
    found["verdict"] = (
        pd.Series("open", index=found.index).mask(wrong, "wrong").mask(found["outcome"] == RIGHT, "right")
    )
    found["complete"] = (found["completion_tokens"] < max_new_tokens) & (found["sql"] != "")
    return found.rename(columns={"sql": "answer"})[COLUMNS]


def _form(sql: str, outcome: str, context: str, dialect: str) -> str:
    """The canonical text of a query that has run, the words of any other."""
    # Only what a worker has survived is parsed here: a model's text may be anything.
    form = canonical_form(sql, context, dialect) if outcome in (RIGHT, "different") else None
    return form or " ".join(sql.split()).rstrip("; ")
