"""What a kind of query draws from: a schema, a language and a random generator."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, TypeVar

from tasks.data.sample import english
from tasks.data.sample.schema import Column, Parent, Schema, Table

Language = Literal["en", "ko"]
T = TypeVar("T")

# Size of a column -> English superlatives (most, least), Korean adjectives (more, less), Korean stems.
SIZES: dict[str, tuple[str, str, str, str]] = {
    "high": ("highest", "lowest", "높", "낮"),
    "many": ("highest", "lowest", "많", "적"),
    "big": ("largest", "smallest", "크", "작"),
    "long": ("longest", "shortest", "길", "짧"),
    "old": ("highest", "lowest", "많", "적"),
    "tall": ("greatest", "smallest", "크", "작"),
    "pricey": ("highest", "lowest", "비싸", "싸"),
    "heavy": ("greatest", "smallest", "무겁", "가볍"),
    "late": ("latest", "earliest", "늦", "이르"),
}
ADNOMINAL = {"크": "큰", "길": "긴", "비싸": "비싼", "싸": "싼", "무겁": "무거운", "가볍": "가벼운", "이르": "이른"}


class UnfitError(Exception):
    """The schema lacks what a kind of query needs."""


@dataclass(frozen=True)
class Draft:
    """A query and the words that its phrasings are filled with."""

    sql: str
    slots: dict[str, str]


@dataclass(frozen=True)
class Kind:
    """A kind of query: how one is drawn, and its phrasings in both languages."""

    name: str
    weight: int
    make: Callable[[Draw], Draft]
    en: Sequence[str]
    ko: Sequence[str]


@dataclass(frozen=True)
class Draw:
    """Random choices for one row."""

    schema: Schema
    language: Language
    rng: random.Random

    @property
    def ko(self) -> bool:
        """Whether the row is Korean."""
        return self.language == "ko"

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; `UnfitError` if there are none."""
        if not options:
            raise UnfitError
        return self.rng.choice(options)

    def table(self, fits: Callable[[Table], object] = lambda table: True) -> Table:
        """A table that fits."""
        return self.pick([t for t in self.schema.tables if fits(t)])

    def parent(self, fits: Callable[[Table, Parent], object] = lambda child, parent: True) -> tuple[Table, Parent]:
        """A child table, no link, and one of its foreign keys."""
        pairs = [(t, p) for t in self.schema.tables if not t.link for p in t.parents]
        return self.pick([pair for pair in pairs if fits(*pair)])

    def linked(self) -> tuple[Table, Parent, Parent]:
        """A link table and its two foreign keys."""
        link = self.table(lambda t: t.link)
        return link, link.parents[0], link.parents[1]

    def column(self, table: Table, fits: Callable[[Column], object]) -> Column:
        """A column of the table that fits."""
        return self.pick([c for c in table.columns if fits(c)])

    def shown(self, table: Table, most: int = 2, *but: Column) -> list[Column]:
        """The columns that a question asks for: the label and perhaps others."""
        first = [table.label] if table.label else []
        others = [c for c in table.columns if c.role != "label" and c not in but]
        least = 0 if first else 1
        count = min(len(others), self.rng.choice([least, least, least + 1][: most + 1 - least]))
        drawn = self.rng.sample(others, count)
        if not first and not drawn:
            raise UnfitError
        return first + [c for c in table.columns if c in drawn]

    def value(self, column: Column) -> str | int | float:
        """A plausible value of the column."""
        values: Any = column.spec.get("values")
        if isinstance(values, dict):
            values = values[self.language]
        value: str | int | float = self.pick(values or [])
        return value

    def two_values(self, column: Column) -> tuple[Any, Any]:
        """Two different values, the smaller one first."""
        first = self.value(column)
        second = self.value(column)
        if first == second:
            raise UnfitError
        return (first, second) if first < second else (second, first)  # type: ignore[operator]

    def day(self, column: Column) -> date:
        """A plausible day for a date column."""
        first, last = column.spec.get("years", [2019, 2024])
        begin = date(first, 1, 1)
        return begin + timedelta(days=self.rng.randrange((date(last, 12, 31) - begin).days))

    # Words

    def with_unit(self, value: object, column: Column) -> str:
        """A number with the unit of its column."""
        unit = column.spec.get("unit", {}).get(self.language, "")
        return f"{value}{unit}"

    def nouns(self, columns: Sequence[Column]) -> str:
        """The column nouns as a list: plural in English."""
        if self.ko:
            words = [c.ko for c in columns]
            return words[0] if len(words) == 1 else "과(와) ".join([", ".join(words[:-1]), words[-1]])
        return english.listed([c.en_plural for c in columns])

    def noun(self, column: Column) -> str:
        """One column noun, singular."""
        return column.ko if self.ko else column.en

    def measure(self, column: Column) -> str:
        """The noun for a number: "number of likes" where the column noun is a plural one."""
        counted = column.spec.get("mass") and column.en != column.en_plural
        return f"number of {column.en_plural}" if counted and not self.ko else self.noun(column)

    def of_table(self, table: Table, column: Column, plural: bool = False) -> str:
        """The column noun with its table's before it: "guild name", but "order number" of an order."""
        noun = self.nouns([column]) if plural else self.noun(column)
        row = self.row(table)
        return noun if noun.startswith(row) else f"{row} {noun}"

    def rows(self, table: Table) -> str:
        """What the rows of a table are called: plural in English."""
        return table.ko if self.ko else table.en_plural

    def row(self, table: Table) -> str:
        """What one row of a table is called."""
        return table.ko if self.ko else table.en

    def named(self, table: Table, value: object) -> str:
        """The row that has `value` as its label."""
        if self.ko:
            return f"'{value}' {table.ko}"
        assert table.label
        return self.pick([f"the {table.en} '{value}'", f"the {table.en} with the {table.label.en} '{value}'"])

    def spoken_days(self, *days: date) -> list[str]:
        """Days as people write them, all in the same way."""
        if self.rng.random() < (0.5 if self.ko else 0.75):
            return [day.isoformat() for day in days]
        if self.ko:
            return [f"{day.year}년 {day.month}월 {day.day}일" for day in days]
        return [f"{day:%B} {day.day}, {day.year}" for day in days]

    def superlative(self, column: Column, most: bool) -> str:
        """'highest' or 'lowest'; in Korean '가장 높은' or '가장 낮은'."""
        if column.role == "date":
            words = ("가장 늦은", "가장 이른") if self.ko else ("latest", "earliest")
            return words[0 if most else 1]
        size = SIZES[column.spec["size"]]
        if self.ko:
            return f"가장 {adnominal(size[2 if most else 3])}"
        return size[0 if most else 1]


def adnominal(stem: str) -> str:
    """The form of a Korean adjective before a noun."""
    if stem in ADNOMINAL:
        return ADNOMINAL[stem]
    return stem + "은"


def literal(value: object) -> str:
    """A value as an SQL literal."""
    if isinstance(value, int | float):
        return str(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return "'" + text.replace("'", "''") + "'"
