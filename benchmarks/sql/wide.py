"""A wider search for a database on which a mutant differs, to tell equivalent mutants from missed ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from random import Random

from benchmarks.sql.peers import TIMEOUT_S, constants, random_rows
from tasks.sql.config import SqlConfig
from tasks.sql.databases import Rows, fill
from tasks.sql.dialect import Translated
from tasks.sql.equivalence import try_rows
from tasks.sql.harvest import Harvest, harvest
from tasks.sql.parsing import Refused
from tasks.sql.results import same
from tasks.sql.sandbox import close_all, run_query
from tasks.sql.schema import Schema

HARVESTED, RANDOM = 120, 200


def differs_somewhere(schema: Schema, gold: Translated, mutant: Translated, seed: str) -> bool:
    """Whether any of 120 databases harvested from both queries and 200 random ones tells them apart."""
    config = SqlConfig(query_timeout_s=TIMEOUT_S)
    both = _merged(harvest(gold.source, schema), harvest(mutant.source, schema))
    known = constants([gold.source, mutant.source])
    made = chain(fill(schema, both, f"wide {seed}", HARVESTED), _random(schema, known, seed))
    return any(_differs(schema, gold, mutant, rows, config) for rows in made)


def _random(schema: Schema, known: list[str], seed: str) -> Iterator[Rows]:
    random = Random(f"random {seed}")
    for number in range(RANDOM):
        yield random_rows(schema, known, (2, 4, 8, 15)[number % 4], random)


def _merged(left: Harvest, right: Harvest) -> Harvest:
    tests = {key: [*left.tests.get(key, []), *right.tests.get(key, [])] for key in (*left.tests, *right.tests)}
    return Harvest(
        tests=tests,
        joined=list(dict.fromkeys([*left.joined, *right.joined])),
        grouped=list(dict.fromkeys([*left.grouped, *right.grouped])),
        ranked=list(dict.fromkeys([*left.ranked, *right.ranked])),
        sizes=[*left.sizes, *right.sizes],
        tables=list(dict.fromkeys([*left.tables, *right.tables])),
    )


def _differs(schema: Schema, gold: Translated, mutant: Translated, rows: Rows, config: SqlConfig) -> bool:
    try:
        trial = try_rows(schema, gold, rows, config)
    except Refused:
        return False
    if trial is None:
        return False
    try:
        folded = gold.merges or mutant.merges
        pairs = ((trial.first, mutant.sql), (trial.second, mutant.flipped))
        answers = (run_query(connection, sql, TIMEOUT_S) for connection, sql in pairs)
        return not all(same(trial.answer, answer, trial.ordered, folded) for answer in answers)
    except Refused:
        return True
    finally:
        close_all((trial.first, trial.second))
