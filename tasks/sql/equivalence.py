"""One gold query on its generated databases, and how predictions compare with it there."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from tasks.sql.config import SqlConfig
from tasks.sql.databases import Rows, generate, reordered
from tasks.sql.dialect import Translated, translate
from tasks.sql.exact import exact_match
from tasks.sql.harvest import harvest
from tasks.sql.parsing import Refused, invalid
from tasks.sql.results import counterexample, same
from tasks.sql.sandbox import Row, close_all, open_database, run_query
from tasks.sql.schema import Schema, parse_schema


@dataclass(frozen=True)
class Verdict:
    """How one prediction compares; `outcome` is 'equal', 'different', 'undecided', 'invalid' or 'unsupported'."""

    outcome: str
    reason: str = ""
    counterexample: str = ""


@dataclass(frozen=True)
class Trial:
    """One database on which the gold query is stable: its rows in two orders, and the gold answer."""

    rows: Rows
    first: sqlite3.Connection
    second: sqlite3.Connection
    answer: list[Row]
    ordered: bool


@dataclass
class Gold:
    """A gold query ready to judge predictions; `refusal` is set if nothing can be compared with it."""

    text: str
    schema: Schema | None = None
    query: Translated | None = None
    trials: tuple[Trial, ...] = ()
    refusal: Verdict | None = None

    def close(self) -> None:
        """Give the databases back."""
        close_all(connection for t in self.trials for connection in (t.first, t.second))
        self.trials = ()


def prepare_gold(context: str, gold: str, dialect: str, config: SqlConfig) -> Gold:
    """Translate a gold query, make its databases and run it on each, in two insertion orders.

    A database on which the two orders give different rows is left out: the query leaves its answer open there.
    One on which only the order of the rows differs is compared without order.
    """
    try:
        schema = parse_schema(context, dialect)
        query = translate(gold, schema, dialect)
    except Refused as refused:
        return Gold(gold, refusal=_gold_refused(refused))
    made = Gold(gold, schema, query)
    trials: list[Trial] = []
    reason = "gold answers differently when the same rows are stored in another order"
    for rows in generate(schema, query.source, config):
        try:
            trial = _trial(schema, query, rows, config)
        except Refused as refused:
            if refused.outcome == "unsupported" or refused.reason.startswith("too slow"):
                made.refusal = _gold_refused(refused)
                break
            reason = f"gold fails: {refused.reason}"
            continue
        if trial is not None:
            trials.append(trial)
    made.trials = tuple(trials)
    if made.refusal is None and not trials:
        made.refusal = Verdict("undecided", reason)
    elif made.refusal is None and not any(t.answer for t in trials):
        made.refusal = Verdict("undecided", "gold returns no rows on any generated database")
    return made


def _trial(schema: Schema, query: Translated, rows: Rows, config: SqlConfig) -> Trial | None:
    pair: list[sqlite3.Connection] = []
    try:
        answers = []
        for version, sql in ((rows, query.sql), (reordered(rows), query.flipped)):
            pair.append(open_database(schema, version))
            answers.append(run_query(pair[-1], sql, config.query_timeout_s))
        stable = same(answers[0], answers[1], False, query.merges)
    except Refused:
        close_all(pair)
        raise
    if not stable:
        close_all(pair)
        return None
    ordered = query.ordered and same(answers[0], answers[1], True, query.merges)
    return Trial(rows, pair[0], pair[1], answers[0], ordered)


def _gold_refused(refused: Refused) -> Verdict:
    if refused.outcome == "unsupported":
        return Verdict("unsupported", f"gold: {refused.reason}")
    return Verdict("undecided", f"gold fails: {refused.reason}")


def judge(gold: Gold, prediction: str, dialect: str, config: SqlConfig) -> Verdict:
    """Compare one prediction with a prepared gold query."""
    if not prediction.strip(" \t\r\n;"):
        return Verdict("invalid", "no answer")
    if gold.refusal is not None:
        return gold.refusal
    assert gold.schema is not None and gold.query is not None
    if exact_match(gold.text, prediction):
        return Verdict("equal")
    try:
        query = translate(prediction, gold.schema, dialect)
        return _compare(gold, gold.schema, gold.query, query, config)
    except Refused as refused:
        return Verdict(refused.outcome, refused.reason)


def _compare(gold: Gold, schema: Schema, wanted: Translated, query: Translated, config: SqlConfig) -> Verdict:
    if query.sql == wanted.sql:
        return Verdict("equal")
    if query.width != wanted.width:
        return Verdict("different", f"{query.width} columns instead of {wanted.width}")
    folded = wanted.merges or query.merges
    tables = harvest(wanted.source, schema).tables
    found = _difference(gold, query, folded, tables, config)
    reason = "wrong rows"
    if found is None:  # it may be right by chance, by the order in which rows are stored
        reason = "wrong rows when the same rows are stored in another order"
        for trial in gold.trials:
            answer = run_query(trial.second, query.flipped, config.query_timeout_s)
            if not same(trial.answer, answer, trial.ordered, folded):
                found = trial, answer
                break
    if found is None:
        return Verdict("equal")
    trial, answer = found
    return Verdict("different", reason, counterexample(schema, tables, trial.rows, trial.answer, answer))


def _difference(
    gold: Gold, query: Translated, folded: bool, tables: list[str], config: SqlConfig
) -> tuple[Trial, list[Row]] | None:
    """The smallest database on which the answers differ, with the prediction's answer."""
    worst: tuple[Trial, list[Row]] | None = None
    smallest = 0
    began = time.monotonic()
    for trial in gold.trials:
        spent = time.monotonic() - began
        if worst is not None and spent > config.query_timeout_s / 10:
            break  # the rest could only give a smaller counterexample
        if spent > 3 * config.query_timeout_s:
            raise invalid("too slow")
        answer = run_query(trial.first, query.sql, config.query_timeout_s)
        if not same(trial.answer, answer, trial.ordered, folded):
            size = sum(len(trial.rows[t]) for t in tables)
            if worst is None or size < smallest:
                worst, smallest = (trial, answer), size
    return worst
