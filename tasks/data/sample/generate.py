"""Writes the bundled sample: `python -m tasks.data.sample.generate`. The same bytes every time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import count as count_from
from itertools import cycle

from tasks.common.store import write_atomically
from tasks.data.sample import (
    DOMAINS,
    PATH,
    kinds_aggregation_words,
    kinds_basic_words,
    kinds_join_words,
    kinds_subquery,
)
from tasks.data.sample.draw import Draw, Kind, Language, UnfitError
from tasks.data.sample.korean import with_particles
from tasks.data.sample.schema import Schema, schemas

Row = dict[str, int | str]

# Share of each group of kinds, in percent.
GROUPS = [
    (30, kinds_basic_words.KINDS),
    (25, kinds_aggregation_words.KINDS),
    (25, kinds_join_words.KINDS),
    (20, kinds_subquery.KINDS),
]
HELD_OUT = "1"
HELD_OUT_ROWS: dict[Language, int] = {"en": 112, "ko": 112}
TRAINING_ROWS: dict[Language, int] = {"en": 231, "ko": 116}  # for each of the seven other domains
TRIES = 200


def generate() -> list[Row]:
    """All rows: the held-out domain first, then the training domains."""
    rows: list[Row] = []
    taken: set[str] = set()
    for db_id, domain in DOMAINS.items():
        wanted = HELD_OUT_ROWS if db_id == HELD_OUT else TRAINING_ROWS
        for language, count in wanted.items():
            rows += _rows(schemas(domain), language, count, random.Random(f"{domain}/{language}"), taken)
    return rows


def _rows(options: list[Schema], language: Language, count: int, rng: random.Random, taken: set[str]) -> Iterator[Row]:
    turns = cycle(options)
    for kind, group in _kinds(count, rng):
        for attempt in count_from(0):
            # A domain may have no more new questions of a kind: then others of its group.
            now = kind if attempt < TRIES else rng.choice(group)
            row = _row(next(turns), now, language, rng)
            if row and row["question"] not in taken:
                taken.add(str(row["question"]))
                yield row
                break


def _kinds(count: int, rng: random.Random) -> list[tuple[Kind, list[Kind]]]:
    """As many kinds as rows, each by its weight and with the group it is from, in random order."""
    shares = [
        ((kind, kinds), count * percent / 100 * kind.weight / sum(k.weight for k in kinds))
        for percent, kinds in GROUPS
        for kind in kinds
    ]
    drawn = [pair for pair, share in shares for _ in range(int(share))]
    by_rest = sorted(shares, key=lambda item: item[1] % 1, reverse=True)
    drawn += [pair for pair, _ in by_rest[: count - len(drawn)]]
    rng.shuffle(drawn)
    return drawn


def _row(schema: Schema, kind: Kind, language: Language, rng: random.Random) -> Row | None:
    draw = Draw(schema, language, rng)
    try:
        draft = kind.make(draw)
    except UnfitError:
        return None
    question = draw.pick(kind.ko if language == "ko" else kind.en).format(**draft.slots)
    question = with_particles(question) if language == "ko" else question[0].upper() + question[1:]
    return {"db_id": schema.db_id, "context": schema.ddl, "question": question, "answer": draft.sql}


def main() -> None:
    """Write the file."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in generate()]
    write_atomically(PATH, "".join(lines))


if __name__ == "__main__":
    main()
