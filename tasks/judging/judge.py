"""From rows to verdicts: which rows are drawn, who is asked, and what the journal knows already."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from tasks.common.errors import InputError, StageError
from tasks.common.progress import Progress, silent
from tasks.judging.client import Client, UnansweredError
from tasks.judging.config import JudgingConfig
from tasks.judging.endpoint import Endpoint
from tasks.judging.journal import Journal, Verdict, question_key
from tasks.judging.prompt import PROMPT_VERSION, messages, read_verdict, without_comments

DOES_NOT_PARSE = "does not parse"  # rationale of the 'no' that costs no request
COLUMNS = ["example_id", "verdict", "rationale", "prompt_tokens", "completion_tokens"]

Question = dict[str, str]  # dialect, context, question, gold, sql


def draw(rows: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """The `n` rows to judge: the same for every model, spread evenly over languages and kinds of query.

    Args:
        rows: evaluation rows with example_id, language, complexity.
        n: how many; all rows if there are fewer.
        seed: another one draws other rows.

    Returns:
        A part of `rows`. It depends on which rows there are, not on their order.
    """
    rows = rows.drop_duplicates("example_id")
    lot = rows["example_id"].map(lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())
    shuffled = rows.assign(_lot=lot).sort_values("_lot")
    shuffled["_turn"] = shuffled.groupby(["language", "complexity"]).cumcount()
    drawn = shuffled.sort_values(["_turn", "_lot"]).head(n)
    return drawn.drop(columns=["_lot", "_turn"]).reset_index(drop=True)


def pending(rows: pd.DataFrame, endpoint: Endpoint, journal: Path) -> int:
    """How many questions `judge_rows` would have to ask."""
    book = Journal(journal)
    return sum(book.find(key) is None for key in _questions(rows, endpoint)[1])


def judge_rows(
    rows: pd.DataFrame,
    config: JudgingConfig,
    journal: Path,
    endpoint: Endpoint,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Get a verdict on each row, from the journal where it is known, else from the judge.

    Args:
        rows: DataFrame[example_id, dialect, context, question, gold, sql].
        config: limits, attempts, timeout.
        journal: file of all verdicts; each answer is in it as soon as it has arrived.
        endpoint: who is asked.
        progress: hears how many rows have a verdict.

    Returns:
        One line a row, in the order of `rows`: DataFrame[example_id, verdict, rationale, prompt_tokens,
        completion_tokens, origin]; origin is 'judge' if this call asked, 'journal' or 'parser'.

    Raises:
        InputError: the key, the model or the address is wrong, or a row has no id of its own.
        StageError: the account is empty.
    """
    if rows["example_id"].duplicated().any():
        twice = rows.loc[rows["example_id"].duplicated(), "example_id"].iloc[0]
        raise InputError(f"rows to judge: example_id {twice} is there twice")
    keys, questions = _questions(rows, endpoint)
    book = Journal(journal)
    known = {key: verdict for key in questions if (verdict := book.find(key))}
    missing = {key: question for key, question in questions.items() if key not in known}
    progress(len(known), len(questions), "verdicts")
    if missing:
        asyncio.run(_ask_all(missing, config, book, endpoint, known, progress))
    lines = []
    for example_id, key in zip(rows["example_id"], keys, strict=True):
        if key is None:
            verdict, origin = Verdict(key="", verdict="no", rationale=DOES_NOT_PARSE), "parser"
        else:
            # Of equal rows the first alone was asked about and paid for.
            verdict, origin = known[key], "judge" if missing.pop(key, None) else "journal"
        lines.append({"example_id": example_id, **verdict.model_dump(exclude={"key"}), "origin": origin})
    return pd.DataFrame(lines, columns=[*COLUMNS, "origin"])


def _questions(rows: pd.DataFrame, endpoint: Endpoint) -> tuple[list[str | None], dict[str, Question]]:
    """The key of each row (None if its SQL does not parse), and the different questions behind them."""
    keys: list[str | None] = []
    questions: dict[str, Question] = {}
    for row in rows[["dialect", "context", "question", "gold", "sql"]].to_dict("records"):
        sql = without_comments(row["sql"], row["dialect"])
        if sql is None:
            keys.append(None)
            continue
        question: Question = {**{str(name): text for name, text in row.items()}, "sql": sql}
        key = question_key(endpoint.identity, endpoint.parameters, PROMPT_VERSION, question)
        questions[key] = question
        keys.append(key)
    return keys, questions


async def _ask_all(
    missing: dict[str, Question],
    config: JudgingConfig,
    book: Journal,
    endpoint: Endpoint,
    known: dict[str, Verdict],
    progress: Progress,
) -> None:
    """Fill `known` with a verdict for each missing question, some at a time."""
    queue = iter(list(missing.items()))
    total = len(known) + len(missing)

    async def worker(client: Client, queue: Iterable[tuple[str, Question]]) -> None:
        for key, question in queue:
            verdict = book.find(key)  # another run may have asked meanwhile
            if verdict is None:
                verdict = await _ask(client, key, question, endpoint)
                book.add(verdict)
            known[key] = verdict
            progress(len(known), total, "verdicts")

    try:
        async with Client(endpoint, config) as client, asyncio.TaskGroup() as group:
            for _ in range(min(endpoint.concurrency, len(missing))):
                group.create_task(worker(client, queue))
    except* (InputError, StageError) as stopped:
        first = stopped.exceptions[0]
    else:
        return
    raise first from None


async def _ask(client: Client, key: str, question: Question, endpoint: Endpoint) -> Verdict:
    """The verdict on one row; an answer without one is asked for once more."""
    spent = {"prompt_tokens": 0, "completion_tokens": 0}
    text = ""
    for again in (False, True):
        try:
            answer = await client.ask(messages(question, again=again))
        except UnansweredError as reason:
            return Verdict(key=key, verdict="error", rationale=str(reason), **spent)
        spent["prompt_tokens"] += answer.prompt_tokens
        spent["completion_tokens"] += answer.completion_tokens
        decision, told = read_verdict(answer.text)
        text = told or text  # the one word of a second answer keeps the first one's reasons
        if decision:
            return Verdict(key=key, verdict=decision, rationale=endpoint.hide(text), **spent)
    return Verdict(key=key, verdict="unjudged", rationale=endpoint.hide(text) or "empty answer", **spent)
