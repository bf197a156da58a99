"""From rows to verdicts: which rows are drawn, who is asked, and what the journal knows already."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.progress import Progress, silent
from tasks.judging.config import JudgingConfig
from tasks.judging.cost import BATCH_SHARE, NIGHT_S, Budget
from tasks.judging.endpoint import parameters
from tasks.judging.prompt import (
    PROMPT_VERSION,
    RESPONSE_FORMAT,
    is_query,
    messages,
    once_more,
    read_verdict,
    without_comments,
)
from tasks.llm.api import Completion, Usage
from tasks.llm.asking import RunChunk, answer_all, run_once
from tasks.llm.batch import answer_batch
from tasks.llm.client import Client, Request, UnansweredError
from tasks.llm.endpoint import Endpoint
from tasks.llm.journal import Entry, Journal, key_of

logger = logging.getLogger(__name__)

DOES_NOT_PARSE = "does not parse"  # rationale of the 'no' that costs no request
COLUMNS = ["example_id", "verdict", "rationale", "prompt_tokens", "completion_tokens"]

ROW = ("dialect", "context", "question", "gold", "sql")
Question = dict[str, str]  # by the names in ROW, sql without comments; `written` is the SQL with them
VerdictWord = Literal["yes", "no", "unjudged", "error"]


class Verdict(Entry):
    """The judge's word on one row, what it cost, and when it was written (seconds since 1970)."""

    verdict: VerdictWord
    rationale: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    at: float = 0.0

    @property
    def final(self) -> bool:
        """All but errors, which are asked again."""
        return self.verdict != "error"


def question_key(identity: str, parameters: Mapping[str, Any], prompt_version: str, row: Mapping[str, str]) -> str:
    """The name a verdict is filed under: hash of the judge, how it was asked, and the row.

    Args:
        identity: which model, where.
        parameters: sampling parameters.
        prompt_version: of the question's wording.
        row: keys dialect, context, question, gold, sql.
    """
    return key_of(identity, parameters, prompt_version, [row[name] for name in ROW])


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
    with Journal(journal, Verdict) as book:
        _, questions = _questions(rows, endpoint, parameters(endpoint))
        return sum(book.find(key) is None and _can_be_asked(question) for key, question in questions.items())


def judge_rows(
    rows: pd.DataFrame,
    config: JudgingConfig,
    journal: Path,
    endpoint: Endpoint,
    progress: Progress = silent,
    run_chunk: RunChunk = run_once,
    vote: int = 0,
) -> pd.DataFrame:
    """Get a verdict on each row, from the journal where it is known, else from the judge.

    Args:
        rows: DataFrame[example_id, dialect, context, question, gold, sql].
        config: limits, attempts, timeout.
        journal: file of all verdicts; each answer is in it as soon as it has arrived.
        endpoint: who is asked.
        progress: hears how many rows have a verdict.
        run_chunk: runs each chunk of questions (see `answer_all`).
        vote: which of several verdicts on a row (see `parameters`).

    Returns:
        One line a row, in the order of `rows`: DataFrame[example_id, verdict, rationale, prompt_tokens,
        completion_tokens, origin]; origin is 'judge' if this call asked, 'journal' or 'parser'. Its `attrs` are
        `usd`, what this call cost, and `estimated_usd`, what it could have cost at most.

    Raises:
        InputError: the key, the model or the address is wrong, or a row has no id of its own.
        StageError: the account is empty.
    """
    if rows["example_id"].duplicated().any():
        twice = rows.loc[rows["example_id"].duplicated(), "example_id"].iloc[0]
        raise InputError(f"rows to judge: example_id {twice} is there twice")
    sampling = parameters(endpoint, vote)
    keys, questions = _questions(rows, endpoint, sampling)
    with Journal(journal, Verdict) as book:
        known = {key: verdict for key in questions if (verdict := book.find(key))}
        missing = {key: question for key, question in questions.items() if key not in known}
        progress(len(known), len(questions), "verdicts")
        budget = Budget(config, endpoint, _spent_tonight(book) if config.max_usd is not None else 0.0)
        estimated = sum(budget.estimate(_request(question, sampling)) for question in missing.values())
        logger.info("at most %d questions to ask, $%.2f", len(missing), estimated)
        unparsed: set[str] = set()

        def arrived(key: str, verdict: Verdict) -> None:
            known[key] = verdict
            budget.paid(key, verdict.usd)
            progress(len(known), len(questions), "verdicts")

        def requests(some: Mapping[str, Question]) -> Iterator[tuple[str, Request]]:
            # Parsing takes as long as sending, so it is done between answers.
            for key, question in some.items():
                if _can_be_asked(question):
                    yield key, _request(question, sampling)
                else:
                    unparsed.add(key)
                    arrived(key, Verdict(key=key, verdict="no", rationale=DOES_NOT_PARSE))

        def ask(client: Client, key: str, request: Request) -> Awaitable[Verdict]:
            return _ask(client, key, request, endpoint, budget)

        if config.batch and missing and not endpoint.local:
            affordable = budget.affordable(requests(missing))
            _ask_batch(key_of(sorted(questions)), affordable, config, endpoint, budget, book, arrived)
        left = {key: question for key, question in missing.items() if key not in known}
        if left:
            affordable = budget.affordable(requests(left))
            answer_all(affordable, ask, endpoint, config, book, arrived, run_chunk)
    for unasked in left.keys() - known.keys():
        why = f"judging.max_usd {config.max_usd:g}" if unasked in budget.left_out else "the chunk it is in failed"
        known[unasked] = Verdict(key=unasked, verdict="error", rationale=f"not asked: {why}")
    table = _table(rows["example_id"], keys, known, missing.keys() - unparsed, unparsed)
    table.attrs = {"usd": round(budget.spent, 4), "estimated_usd": round(estimated, 4)}
    return table


def _table(
    ids: Iterable[str], keys: list[str], verdicts: Mapping[str, Verdict], asked: set[str], unparsed: set[str]
) -> pd.DataFrame:
    """One line a row. Of equal rows the first alone was asked about and paid for."""
    lines = []
    for example_id, key in zip(ids, keys, strict=True):
        origin = "parser" if key in unparsed else "judge" if key in asked else "journal"
        asked.discard(key)
        lines.append({"example_id": example_id, **verdicts[key].model_dump(), "origin": origin})
    return pd.DataFrame(lines, columns=[*COLUMNS, "origin"])


def _spent_tonight(book: Journal[Verdict]) -> float:
    """Dollars that the judge was paid in the last hours, by this run and others."""
    return sum(entry.usd for entry in book.entries() if entry.at > time.time() - NIGHT_S)


def _questions(
    rows: pd.DataFrame, endpoint: Endpoint, sampling: Mapping[str, Any]
) -> tuple[list[str], dict[str, Question]]:
    """The key of each row, and the different questions behind them."""
    keys: list[str] = []
    questions: dict[str, Question] = {}
    contexts: dict[str, str] = {}
    for dialect, context, asked, gold, written in zip(*(rows[name] for name in ROW), strict=True):
        context = contexts.setdefault(context, context)  # one copy for all its rows
        question = {"dialect": dialect, "context": context, "question": asked, "gold": gold}
        question |= {"sql": without_comments(written, dialect), "written": written}
        key = question_key(endpoint.identity, sampling, PROMPT_VERSION, question)
        questions[key] = question
        keys.append(key)
    return keys, questions


def _can_be_asked(question: Question) -> bool:
    return is_query(question["written"], question["dialect"])


def _request(question: Question, sampling: Mapping[str, Any]) -> Request:
    return Request(messages(question), sampling, RESPONSE_FORMAT)


def _ask_batch(
    work: str,
    requests: Iterable[tuple[str, Request]],
    config: JudgingConfig,
    endpoint: Endpoint,
    budget: Budget,
    book: Journal[Verdict],
    arrived: Callable[[str, Verdict], None],
) -> None:
    """Ask in one batch. An answer without a verdict is not filed: it is asked again, live."""

    def filed(key: str, completion: Completion) -> None:
        decision, told = read_verdict(completion.text)
        if decision is None:
            return
        spent = (completion.usage or Usage()).model_dump()
        usd = BATCH_SHARE * budget.usd(**spent)
        verdict = Verdict(key=key, verdict=decision, rationale=endpoint.hide(told), **spent, usd=usd, at=time.time())
        book.add(verdict)
        arrived(key, verdict)

    bodies = {}
    for key, request in requests:
        bodies[key] = {
            "messages": request.messages,
            **request.parameters,
            "response_format": request.response_format,
        }
    answer_batch(work, bodies, endpoint, config, filed, config.batch_poll_s)


async def _ask(client: Client, key: str, request: Request, endpoint: Endpoint, budget: Budget) -> Verdict:
    """The verdict on one row; an answer without one is asked for once more."""
    spent = {"prompt_tokens": 0, "completion_tokens": 0}
    text = ""

    def verdict(word: VerdictWord, rationale: str) -> Verdict:
        return Verdict(key=key, verdict=word, rationale=rationale, **spent, usd=budget.usd(**spent), at=time.time())

    for again in (False, True):
        try:
            answer = await client.ask(replace(request, messages=once_more(request.messages)) if again else request)
        except UnansweredError as reason:
            return verdict("error", str(reason))
        spent["prompt_tokens"] += answer.prompt_tokens
        spent["completion_tokens"] += answer.completion_tokens
        decision, told = read_verdict(answer.text)
        text = told or text  # the one word of a second answer keeps the first one's reasons
        if decision:
            return verdict(decision, endpoint.hide(text))
    return verdict("unjudged", endpoint.hide(text) or "empty answer")
