"""The judged rows in the forms of the first project: requests and results as JSONL, verdicts as CSV.

    requests.jsonl  {"model": …, "messages": […], …, "metadata": {"example_id": …}}
    results.jsonl   [request, {"resolve_yn": "yes", "rationale": …}, {"example_id": …}]
    verdicts.csv    example_id, question, answer, gen_sql, resolve_yn

Each line names its row, so nothing is joined by position.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from tasks.judging.endpoint import parameters
from tasks.judging.prompt import is_query, messages, without_comments
from tasks.llm.endpoint import Endpoint


def write_exports(rows: pd.DataFrame, table: pd.DataFrame, endpoint: Endpoint, folder: Path) -> None:
    """Write the three files.

    Args:
        rows: DataFrame[example_id, dialect, context, question, gold, sql].
        table: DataFrame[example_id, verdict, rationale].
        endpoint: who was asked.
        folder: made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    joined = rows.merge(table[["example_id", "verdict", "rationale"]], on="example_id", validate="one_to_one")
    with (
        (folder / "requests.jsonl").open("w", encoding="utf-8") as requests,
        (folder / "results.jsonl").open("w", encoding="utf-8") as results,
    ):
        for record in joined.to_dict("records"):
            row = {str(name): str(value) for name, value in record.items()}
            name = {"example_id": row["example_id"]}
            said = {"resolve_yn": row["verdict"], "rationale": row["rationale"]}
            request = None
            if is_query(row["sql"], row["dialect"]):  # else nobody was asked
                chat = messages({**row, "sql": without_comments(row["sql"], row["dialect"])})
                model = endpoint.name if endpoint.local else endpoint.model
                request = {"model": model, "messages": chat, **parameters(endpoint)}
                requests.write(json.dumps({**request, "metadata": name}, ensure_ascii=False) + "\n")
            results.write(json.dumps([request, said, name], ensure_ascii=False) + "\n")
    columns = {"gold": "answer", "sql": "gen_sql", "verdict": "resolve_yn"}
    csv = joined.rename(columns=columns)[["example_id", "question", "answer", "gen_sql", "resolve_yn"]]
    csv.to_csv(folder / "verdicts.csv", index=False)
