"""From domains to rows: a schema for each domain, questions on it, then the next schema, until there are enough.

The model is asked in sweeps: a request for each domain, or for each schema and language. What a request says
follows from the answers to earlier requests on the same schema alone, so a run that goes on where another was
killed sends the same requests, and finds those that were answered in the journal.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.common.progress import Progress, silent
from tasks.llm.client import Request
from tasks.sql.config import KINDS
from tasks.sql.parsing import Refused
from tasks.sql.schema import parse_schema
from tasks.synthesis.asker import Asker
from tasks.synthesis.collection import Collection
from tasks.synthesis.config import Domain, Language, SynthesisConfig
from tasks.synthesis.prompt import DIALECT, questions_request, read_rows, read_schema, schema_request


@dataclass
class Lane:
    """One schema in one language: what was asked so far."""

    domain: Domain
    db_id: str
    ddl: str
    language: Language
    had: list[str] = field(default_factory=list)


def synthesize(
    domains: Sequence[Domain],
    config: SynthesisConfig,
    asker: Asker,
    made: Collection,
    progress: Progress = silent,
) -> str:
    """Fill `made` with `config.rows` rows or a few more, as far as budget and account go.

    Returns:
        Why no more was asked.

    Raises:
        InputError: the key, the model or the address is wrong.
    """
    for number in itertools.count():
        before = len(made.rows)
        lanes = _schemas(domains, number, config, asker, made)
        for _ in range(config.requests_per_schema):
            going_on: list[Lane] = []
            waiting = list(lanes)
            while waiting and len(made.rows) < config.rows and not asker.stopped:
                # No more at once than could fill what is missing, were all of their rows sound.
                enough = math.ceil((config.rows - len(made.rows)) / len(KINDS))
                sweep, waiting = waiting[:enough], waiting[enough:]
                going_on += _questions(sweep, config, asker, made)
                progress(min(len(made.rows), config.rows), config.rows, "rows accepted")
            lanes = going_on
        if len(made.rows) >= config.rows:
            return "the wanted rows are there"
        if asker.stopped:
            return asker.stopped
        if len(made.rows) == before:
            return "a schema for every domain brought no new row"
    raise AssertionError


def _schemas(
    domains: Sequence[Domain], number: int, config: SynthesisConfig, asker: Asker, made: Collection
) -> list[Lane]:
    """A lane for each language of each domain whose schema number `number` is sound."""
    requests = {domain.name: schema_request(domain, number, config) for domain in domains}
    answers = asker.ask(requests)
    lanes = []
    for domain in domains:
        if domain.name not in answers:
            continue
        db_id = f"{domain.name}-{number + 1}"
        ddl = read_schema(answers[domain.name])
        problem = _problem(ddl, made)
        if ddl is None or problem:
            row = {"db_id": db_id, "domain": domain.name, "answer": answers[domain.name]}
            made.refuse(row, f"schema is unfit: {problem}")
            continue
        lanes += [Lane(domain, db_id, ddl, language) for language in domain.languages]
    return lanes


def _problem(ddl: str | None, made: Collection) -> str:
    if ddl is None:
        return "the answer is not the JSON asked for"
    try:
        parse_schema(ddl, DIALECT)
    except Refused as refused:
        return refused.reason
    return "" if made.is_new_schema(ddl) else "is there already"


def _questions(lanes: Sequence[Lane], config: SynthesisConfig, asker: Asker, made: Collection) -> list[Lane]:
    """Ask once on each lane and take what is sound; the lanes that got an answer and can go on."""
    requests: Mapping[int, Request] = {
        at: questions_request(lane.ddl, lane.language, lane.had, config) for at, lane in enumerate(lanes)
    }
    answers = asker.ask(requests)
    candidates = []
    for at, lane in enumerate(lanes):
        row = {"db_id": lane.db_id, "context": lane.ddl, "dialect": DIALECT, "language": lane.language}
        row["domain"] = lane.domain.name
        found = read_rows(answers.get(at, ""))
        if at in answers and not found:
            made.refuse({**row, "answer": answers[at]}, "the answer is not the JSON asked for")
        candidates += [{**row, "question": question, "answer": sql} for question, sql in found]
        lane.had += [question for question, _ in found]
    made.add(candidates)
    return [lane for at, lane in enumerate(lanes) if at in answers]
