"""The bundled sample grown to any size: the same rows every time, half of them with a schema of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tasks.data.sample import PATH

# Where a copy's question is asked: two words that differ from copy to copy, so that few copies are near duplicates.
PLACES = (
    *("amber", "basalt", "cedar", "dune", "ember", "fjord", "granite", "harbour", "island", "juniper", "kelp"),
    *("lagoon", "meadow", "nectar", "orchard", "prairie", "quartz", "ravine", "savanna", "tundra", "upland"),
    *("valley", "willow", "yarrow", "zephyr", "알프스", "바다", "들판", "언덕", "강변", "숲속", "호수", "사막"),
)


def grow(rows: int) -> Iterator[dict[str, str | int]]:
    """`rows` distinct rows with the columns db_id, context, question and answer.

    Every second row has tables of names that no other row has; the others share theirs with the rows of the same
    copy of the sample that had the same schema in it (about 22 rows a schema). Domains, kinds of query and
    languages are spread as in the sample.
    """
    sample = [json.loads(line) for line in PATH.read_text("utf-8").splitlines()]
    for number in range(rows):
        copy, place = divmod(number, len(sample))
        row = sample[place]
        suffix = f"_r{number}" if number % 2 else f"_c{copy}" if copy else ""
        yield {
            "db_id": row["db_id"],
            "context": _renamed(row["context"], row["context"], suffix),
            "question": _asked(row["question"], copy, place),
            "answer": _renamed(row["answer"], row["context"], suffix),
        }


def write_grown(path: Path, rows: int) -> Path:
    """Write `grow(rows)` as JSONL."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in grow(rows))
    return path


def _renamed(sql: str, context: str, suffix: str) -> str:
    return _tables(context).sub(rf"\1{suffix}", sql)


@cache
def _tables(context: str) -> re.Pattern[str]:
    """The names of the tables as whole words outside quotes; of columns no table of the sample has the name."""
    names = re.findall(r"CREATE TABLE (\w+)", context)
    return re.compile(rf"\b({'|'.join(names)})\b(?=[^']*(?:'[^']*'[^']*)*$)")


def _asked(question: str, copy: int, place: int) -> str:
    if not copy:
        return question
    first, second = divmod(copy * 7 + place, len(PLACES))
    words = f"{PLACES[second]} {PLACES[(first * 5 + copy) % len(PLACES)]} {copy}"
    return f"{question} ({words})"
