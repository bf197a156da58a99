"""Rows that a model finds unfit for their context and question taken out."""

from __future__ import annotations

import pandas as pd

from tasks.common.progress import Progress, silent
from tasks.synthesis.asker import Asker
from tasks.synthesis.prompt import fitness_request, read_fitness

ASKED = ("context", "question", "answer")
UNDECIDED = "undecided"


def look_through(rows: pd.DataFrame, asker: Asker, progress: Progress = silent) -> pd.DataFrame:
    """Ask of each row whether it fits; of one whose answer does not say, once more.

    Args:
        rows: columns dialect, context, question, answer.
        asker: who is asked.
        progress: hears how many rows were looked at.

    Returns:
        `rows` with the columns fits ('yes', 'no' or 'undecided') and reason.

    Raises:
        InputError: the key, the model or the address is wrong.
    """
    records: dict[int, dict[str, str]] = {}
    found: dict[int, tuple[str, str]] = {}
    for at, row in enumerate(rows[["dialect", *ASKED]].to_dict("records")):
        if any(pd.isna(row[name]) for name in ASKED):
            found[at] = UNDECIDED, "context, question or answer is missing"
        else:
            records[at] = {str(name): text for name, text in row.items()}

    def arrived() -> None:
        progress(min(asker.asked + asker.from_journal, len(records)), len(records), "rows looked at")

    unread = list(records)
    for again in (False, True):
        answers = asker.ask({at: fitness_request(records[at], again=again) for at in unread}, arrived)
        for at, text in answers.items():
            decision, told = read_fitness(text)
            found[at] = decision or UNDECIDED, told or "no reason given"
        unread = [at for at in answers if found[at][0] == UNDECIDED]
    nothing = UNDECIDED, asker.stopped or "no answer"
    fits, reasons = zip(*(found.get(at, nothing) for at in range(len(rows))), strict=True) if len(rows) else ((), ())
    return rows.assign(fits=pd.array(fits, dtype="str"), reason=pd.array(reasons, dtype="str"))
