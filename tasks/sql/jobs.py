"""What a worker process does: something that items share is made once, then each item is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import resolve, translate
from tasks.sql.equivalence import Verdict, judge, prepare_gold
from tasks.sql.exact import canonical_form
from tasks.sql.frozen import packed, read
from tasks.sql.parsing import Refused
from tasks.sql.sandbox import open_database, run_query
from tasks.sql.schema import Schema, parse_schema
from tasks.sql.worker import Setup


class Compared(NamedTuple):
    """How a prediction compares by its answers, and whether it is the gold query in another form."""

    verdict: Verdict
    canonical: bool = False


class Work(Protocol):
    """Made of a setup and the config; what it raises costs the setup or the item."""

    def answer(self, item: str) -> Any:
        """The result of one query."""

    def close(self) -> None:
        """Give memory back."""


class Comparison:
    """Predictions against one gold query; results are `Compared`.

    Setup is (context, gold, dialect, file of its frozen databases or None to make them now).
    """

    def __init__(self, setup: Setup, config: SqlConfig) -> None:
        self.context, gold, self.dialect, _ = setup
        self.form = canonical_form(gold, self.context, self.dialect)
        self.runner = _runner(setup, config)
        self.known: dict[str, Compared] = {}

    def answer(self, item: str) -> Compared:
        """Judge one prediction; the same text is judged once."""
        if item not in self.known:
            verdict = self.runner.answer(item)
            # The same query in another form is neither wrong nor different.
            may_match = self.form is not None and verdict.outcome not in ("different", "invalid")
            form = canonical_form(item, self.context, self.dialect) if may_match else None
            self.known[item] = Compared(verdict, form is not None and form == self.form)
        return self.known[item]

    def close(self) -> None:
        """Close the databases."""
        self.runner.close()


class _OnSqlite:
    """Verdicts from in-memory databases."""

    def __init__(self, setup: Setup, config: SqlConfig) -> None:
        context, gold, self.dialect, frozen = setup
        self.config = config
        self.gold = prepare_gold(context, gold, self.dialect, config, read(frozen))

    def answer(self, item: str) -> Verdict:
        return judge(self.gold, item, self.dialect, self.config)

    def close(self) -> None:
        self.gold.close()


def _runner(setup: Setup, config: SqlConfig) -> Work:
    if config.engine_url_env is None:
        return _OnSqlite(setup, config)
    from tasks.sql.live.comparison import LiveComparison  # its driver is an extra

    return LiveComparison(setup, config)


class Freezing:
    """Gold queries of one context; setup is (context, dialect), results are their databases, packed."""

    def __init__(self, setup: Setup, config: SqlConfig) -> None:
        self.context, self.dialect = setup
        self.config = config

    def answer(self, item: str) -> bytes:
        """The databases of one gold query; none where the query or its context is refused."""
        try:
            schema = parse_schema(self.context, self.dialect)
            return packed(generate(schema, resolve(item, schema, self.dialect, own_words=False), self.config))
        except Refused:
            return packed([])

    def close(self) -> None:
        """Nothing is held."""


class Check:
    """Answers of one context; setup is (context, dialect, must_return_rows), results are lists of reasons."""

    def __init__(self, setup: Setup, config: SqlConfig) -> None:
        context, self.dialect, self.must_return_rows = setup
        self.config = config
        self.schema: Schema | None = None
        self.refusal = ""
        try:
            self.schema = parse_schema(context, self.dialect)
        except Refused as refused:
            what = "does not parse" if refused.outcome == "invalid" else "is not supported"
            self.refusal = f"context {what}: {refused.reason.removeprefix('unsupported: ')}"

    def answer(self, item: str) -> list[str]:
        """Reasons why one query is unfit."""
        if self.schema is None:
            return [self.refusal]
        try:
            return _check(self.schema, item, self.dialect, self.config, self.must_return_rows)
        except Refused as refused:
            return [_reason(refused)]

    def close(self) -> None:
        """Nothing is held."""


def _check(schema: Schema, answer: str, dialect: str, config: SqlConfig, must_return_rows: bool) -> list[str]:
    """Run an answer until a database returns rows.

    Raises:
        Refused: it cannot be run.
    """
    failure = ""
    ran = False
    query = translate(answer, schema, dialect)
    for rows in generate(schema, query.source, config):
        connection = open_database(schema, rows)
        try:
            found = run_query(connection, query.sql, config.query_timeout_s)
            ran = True
            if found or not must_return_rows:
                return []
        except Refused as refused:
            if not refused.reason.startswith("fails on some rows"):
                raise
            failure = refused.reason
        finally:
            connection.close()
    if ran:
        return ["answer returns no rows on any generated database"]
    return [f"answer fails to run: {failure.removeprefix('fails on some rows: ')}"]


def _reason(refused: Refused) -> str:
    """The stable phrases of data validation."""
    head, _, detail = refused.reason.partition(": ")
    match head:
        case "no answer":
            return "answer is empty"
        case "syntax error":
            return f"answer does not parse: {detail}"
        case "not one read-only query":
            return "answer is not one read-only query"
        case "unknown column" | "unknown table":
            return refused.reason
        case "unsupported":
            return f"answer is not supported: {detail}"
    if refused.outcome == "unsupported":
        return f"answer is not supported: {refused.reason}"
    return f"answer fails to run: {refused.reason}"


WORK: dict[str, Callable[[Setup, SqlConfig], Work]] = {"compare": Comparison, "check": Check, "freeze": Freezing}
