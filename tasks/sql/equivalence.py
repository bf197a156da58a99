"""One gold query on its generated databases, and how predictions compare with it there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.sql.budget import exhausted
from tasks.sql.config import SqlConfig
from tasks.sql.databases import Rows, generate, reordered
from tasks.sql.dialect import Translated, translate
from tasks.sql.exact import exact_match
from tasks.sql.harvest import harvest
from tasks.sql.parsing import Refused, invalid
from tasks.sql.results import agreeing, column_orders, counterexample, same
from tasks.sql.sandbox import Row, close_all, open_database, run_query
from tasks.sql.schema import Schema, parse_schema
from tasks.sql.smaller import smallest

SMALLER_TRIES = 60
SMALLER_EXAMPLES = 2  # made smaller for each gold query; those of further predictions stay as they are


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
    """A gold query ready to judge predictions.

    Attributes:
        text: as it was written.
        schema: the tables of its context.
        query: ready to run.
        trials: the databases it is compared on, the smallest first.
        refusal: set if nothing can be compared with it.
        examples: how many counterexamples were asked for.
    """

    text: str
    schema: Schema | None = None
    query: Translated | None = None
    trials: tuple[Trial, ...] = ()
    refusal: Verdict | None = None
    examples: int = 0

    def close(self) -> None:
        """Give the databases back."""
        close_all(connection for t in self.trials for connection in (t.first, t.second))
        self.trials = ()


def prepare_gold(
    context: str, gold: str, dialect: str, config: SqlConfig, databases: Iterable[Rows] | None = None
) -> Gold:
    """Translate a gold query and run it on its databases (made now if none are given), in two insertion orders.

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
    for rows in generate(schema, query.source, config) if databases is None else databases:
        try:
            trial = try_rows(schema, query, rows, config)
        except Refused as refused:
            if refused.outcome == "unsupported" or refused.reason.startswith("too slow"):
                made.refusal = _gold_refused(refused)
                break
            reason = f"gold fails: {refused.reason}"
            continue
        if trial is not None:
            trials.append(trial)
    # The sizes differ and the small ones are the cheap ones to run; what differs there is also the better example.
    made.trials = tuple(sorted(trials, key=lambda t: sum(map(len, t.rows.values()))))
    if made.refusal is None and not trials:
        made.refusal = Verdict("undecided", reason)
    elif made.refusal is None and not any(t.answer for t in trials):
        made.refusal = Verdict("undecided", "gold returns no rows on any generated database")
    return made


def try_rows(schema: Schema, query: Translated, rows: Rows, config: SqlConfig) -> Trial | None:
    """Run a gold query on one database; None if its answer depends on the order in which rows are stored.

    Raises:
        Refused: the query does not run on these rows.
    """
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
    comparer = _Comparer(query, wanted.merges or query.merges, config)
    for what, runs in (
        # Right on every database may still be by chance, by the order in which rows are stored.
        ("wrong rows", [(t.first, query.sql) for t in gold.trials]),
        ("wrong rows when the same rows are stored in another order", [(t.second, query.flipped) for t in gold.trials]),
    ):
        for trial, (connection, sql) in zip(gold.trials, runs, strict=True):
            answer = comparer.differs(trial, connection, sql)
            if answer is not None:
                return Verdict("different", what, _example(gold, schema, wanted, trial, answer, comparer))
    return Verdict("equal")


class _Comparer:
    """Runs one prediction and compares its answers with gold's."""

    def __init__(self, query: Translated, folded: bool, config: SqlConfig) -> None:
        self.query, self.folded, self.config = query, folded, config
        self.orders = column_orders(query.width, config.any_column_order)
        self.began = time.monotonic()

    def differs(self, trial: Trial, connection: sqlite3.Connection, sql: str) -> list[Row] | None:
        """The answer if it is not gold's in any order of columns that was right so far."""
        if time.monotonic() - self.began > 3 * self.config.query_timeout_s:
            raise invalid("too slow")
        answer = run_query(connection, sql, self.config.query_timeout_s)
        digits = self.config.significant_digits
        left = agreeing(self.orders, trial.answer, answer, trial.ordered, self.folded, digits)
        if not left:
            return answer
        self.orders = left
        return None

    def differs_anywhere(self, trial: Trial) -> list[Row] | None:
        """The answer that is not gold's, with the rows in one order or in the other."""
        found = self.differs(trial, trial.first, self.query.sql)
        return found if found is not None else self.differs(trial, trial.second, self.query.flipped)


def _example(
    gold: Gold, schema: Schema, wanted: Translated, trial: Trial, answer: list[Row], comparer: _Comparer
) -> str:
    """The database on which a prediction was found to differ, made smaller while it still differs."""
    kept = {"gold": trial.answer, "found": answer}

    def differs(rows: Rows) -> bool:
        if exhausted(0):  # an example is worth less than the verdict that is there
            return False
        try:
            smaller = try_rows(schema, wanted, rows, comparer.config)
        except Refused:
            return False
        if smaller is None:
            return False
        fresh = _Comparer(comparer.query, comparer.folded, comparer.config)
        try:
            found = fresh.differs_anywhere(smaller)
        except Refused:
            return False
        finally:
            close_all((smaller.first, smaller.second))
        if found is not None:
            kept.update(gold=smaller.answer, found=found)
        return found is not None

    tries = SMALLER_TRIES if gold.examples < SMALLER_EXAMPLES else 0
    gold.examples += 1
    tables = harvest(wanted.source, schema).tables
    rows = smallest(schema, trial.rows, tables, differs, tries)
    return counterexample(schema, tables, rows, kept["gold"], kept["found"])
