"""What the worker process does with a job: a setup that its items share, then one result for each item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import translate
from tasks.sql.equivalence import Verdict, judge, prepare_gold
from tasks.sql.parsing import Refused
from tasks.sql.sandbox import open_database, run_query
from tasks.sql.schema import Schema, parse_schema
from tasks.sql.worker import READY, Setup


def compare_all(setup: Setup, predictions: Sequence[str], config: SqlConfig) -> Iterator[Any]:
    """Judge predictions against one gold query; setup is (context, gold, dialect)."""
    context, gold_sql, dialect = setup
    gold = prepare_gold(context, gold_sql, dialect, config)
    yield READY
    known: dict[str, Verdict] = {}
    for prediction in predictions:
        if prediction not in known:
            known[prediction] = judge(gold, prediction, dialect, config)
        yield known[prediction]
    gold.close()


def check_all(setup: Setup, answers: Sequence[str], config: SqlConfig) -> Iterator[Any]:
    """Reasons why answers are unfit for one context; setup is (context, dialect, must_return_rows)."""
    context, dialect, must_return_rows = setup
    try:
        schema = parse_schema(context, dialect)
    except Refused as refused:
        yield READY
        reason = "context does not parse: " if refused.outcome == "invalid" else "context is not supported: "
        for _ in answers:
            yield [reason + refused.reason.removeprefix("unsupported: ")]
        return
    yield READY
    for answer in answers:
        yield _check(schema, answer, dialect, config, must_return_rows)


def _check(schema: Schema, answer: str, dialect: str, config: SqlConfig, must_return_rows: bool) -> list[str]:
    failure = ""
    ran = False
    try:
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
                    return [_reason(refused)]
                failure = refused.reason
            finally:
                connection.close()
    except Refused as refused:
        return [_reason(refused)]
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


WORK: dict[str, Callable[[Setup, Sequence[str], SqlConfig], Iterator[Any]]] = {
    "compare": compare_all,
    "check": check_all,
}
