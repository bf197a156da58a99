"""One gold query and its predictions on a real server, on the rows that SQLite would get."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlglot import exp

from tasks.sql.config import SqlConfig
from tasks.sql.databases import Rows, generate, reordered
from tasks.sql.dialect import resolve
from tasks.sql.equivalence import Verdict
from tasks.sql.exact import exact_match
from tasks.sql.frozen import read
from tasks.sql.harvest import harvest
from tasks.sql.live.server import Server, prefix, url_from
from tasks.sql.parsing import Refused
from tasks.sql.results import agreeing, column_orders, counterexample, same
from tasks.sql.sandbox import Row
from tasks.sql.schema import Schema, parse_schema
from tasks.sql.worker import Setup


@dataclass(frozen=True)
class LiveTrial:
    """One schema on which the gold query is stable, its rows and the gold answer."""

    name: str
    rows: Rows
    answer: list[Row]
    ordered: bool


class LiveComparison:
    """Predictions against one gold query; setup is that of `jobs.Comparison`, results are `Verdict`s."""

    def __init__(self, setup: Setup, config: SqlConfig) -> None:
        self.context, self.gold, self.dialect, self.frozen = setup
        self.config = config
        assert config.engine_url_env is not None
        self.refusal: Verdict | None = None
        self.trials: list[LiveTrial] = []
        self.made: list[str] = []
        self.server = Server(url_from(config.engine_url_env, self.dialect), config.query_timeout_s)
        try:
            self.schema = parse_schema(self.context, self.dialect)
            self.query = resolve(self.gold, self.schema, self.dialect, own_words=False)
            self._try_all(config)
        except Refused as refused:
            self.refusal = _refused(refused)
        except BaseException:
            self.close()
            raise

    def _try_all(self, config: SqlConfig) -> None:
        reason = "gold answers differently when the same rows are stored in another order"
        frozen = read(self.frozen)
        made = generate(self.schema, self.query, config) if frozen is None else frozen
        for number, rows in enumerate(made):
            name = f"{prefix(os.getppid())}{os.getpid()}_{number}"
            self.made.append(name)
            self.server.create(name, self.schema, self.context)
            try:
                trial = self._try(name, rows)
            except Refused as refused:
                if refused.outcome == "unsupported" or not refused.reason.startswith("the server says"):
                    raise
                reason = f"gold fails: {refused.reason}"
                continue
            if trial is not None:
                self.trials.append(trial)
        if not self.trials:
            self.refusal = Verdict("undecided", reason)
        elif not any(t.answer for t in self.trials):
            self.refusal = Verdict("undecided", "gold returns no rows on any generated database")

    def _try(self, name: str, rows: Rows) -> LiveTrial | None:
        answers = []
        for version in (reordered(rows), rows):
            self.server.fill(self.schema, self.context, version)
            answers.append(self.server.run(self.gold))
        if not same(answers[0], answers[1], False, self._folded(self.query)):
            return None
        is_ordered = self.query.args.get("order") is not None
        ordered = is_ordered and same(answers[0], answers[1], True, self._folded(self.query))
        return LiveTrial(name, rows, answers[1], ordered)

    def _folded(self, query: exp.Expr | None) -> bool:
        """Whether a group may show any spelling of a text."""
        groups = query is None or query.find(exp.Group, exp.Distinct, exp.SetOperation) is not None
        return self.dialect == "mysql" and groups

    def answer(self, item: str) -> Verdict:
        """Judge one prediction."""
        try:
            return self._judge(item)
        except Refused as refused:
            return Verdict(refused.outcome, refused.reason)

    def _judge(self, prediction: str) -> Verdict:
        if not prediction.strip(" \t\r\n;"):
            return Verdict("invalid", "no answer")
        if self.refusal is not None:
            return self.refusal
        if exact_match(self.gold, prediction):
            return Verdict("equal")
        tables = harvest(self.query, self.schema).tables
        trials = sorted(self.trials, key=lambda t: sum(len(t.rows[name]) for name in tables))
        orders = column_orders(len(self.query.selects), self.config.any_column_order)
        for trial in trials:  # the smallest first: it makes the counterexample
            self.server.use(trial.name)
            found = self.server.run(prediction)
            digits = self.config.significant_digits
            orders = agreeing(orders, trial.answer, found, trial.ordered, self._folded(None), digits)
            if not orders:
                return Verdict("different", "wrong rows", _shown(self.schema, tables, trial, found))
        return Verdict("equal")

    def close(self) -> None:
        """Drop the schemas."""
        for name in self.made:
            with suppress(SQLAlchemyError):
                self.server.drop(name)
        self.server.close()


def _shown(schema: Schema, tables: list[str], trial: LiveTrial, found: list[Row]) -> str:
    return counterexample(schema, tables, trial.rows, trial.answer, found)


def _refused(refused: Refused) -> Verdict:
    if refused.outcome == "unsupported":
        return Verdict("unsupported", f"gold: {refused.reason}")
    return Verdict("undecided", f"gold fails: {refused.reason}")
