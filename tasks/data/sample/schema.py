"""The domains as read from YAML, and the schemas drawn from them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tasks.data.sample import english

FOLDER = Path(__file__).with_name("domains")
TYPES = {
    "label": "VARCHAR(50)",
    "category": "VARCHAR(30)",
    "text": "VARCHAR(100)",
    "number": "INT",
    "money": "DECIMAL(10,2)",
    "date": "DATE",
    "time": "DATETIME",
}

# Columns, keys not counted, that a table of a schema of so many tables has at most.
USUAL_NAME = 0.75  # share of names that are the usual ones, before the draw among all
MOST_COLUMNS = {2: 5, 3: 4, 4: 3}


@dataclass(frozen=True)
class Column:
    """A column of one schema: its physical name and what it is called in both languages."""

    name: str
    role: str
    spec: dict[str, Any] = field(compare=False, hash=False)

    @property
    def ko(self) -> str:
        """Korean noun."""
        return str(self.spec["ko"])

    @property
    def en(self) -> str:
        """English noun, singular."""
        return str(self.spec["en"]).split("/")[0]

    @property
    def en_plural(self) -> str:
        """English noun, plural; nouns without one are written "stock/stock" in the YAML."""
        singular, _, irregular = str(self.spec["en"]).partition("/")
        return irregular or english.plural(singular)

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers that can be compared."""
        return self.role in ("number", "money")

    @property
    def sql_type(self) -> str:
        """Its MySQL type with its constraints."""
        kind = self.spec.get("type") or TYPES[self.role]
        unique = " UNIQUE" if self.spec.get("unique") else ""
        return kind + ("" if "missing" in self.spec else " NOT NULL") + unique


@dataclass(frozen=True)
class Parent:
    """A foreign key of a child table, with the words that tie child and parent together."""

    column: str
    key: str
    table: Table
    spec: dict[str, str] = field(compare=False, hash=False)


@dataclass(frozen=True)
class Table:
    """A table of one schema. `key` is the primary key, '' in a link table."""

    entity: str
    name: str
    key: str
    columns: tuple[Column, ...]
    parents: tuple[Parent, ...]
    spec: dict[str, Any] = field(compare=False, hash=False)
    link: dict[str, str] | None = field(default=None, compare=False, hash=False)

    @property
    def ko(self) -> str:
        """Korean noun."""
        return str(self.spec["ko"])

    @property
    def en(self) -> str:
        """English noun, singular."""
        return str(self.spec["en"]).split("/")[0]

    @property
    def en_plural(self) -> str:
        """English noun, plural."""
        singular, _, irregular = str(self.spec["en"]).partition("/")
        return irregular or english.plural(singular)

    @property
    def counter(self) -> str:
        """Korean counter word."""
        return str(self.spec["counter"])

    @property
    def who(self) -> str:
        """English relative pronoun."""
        return "who" if self.spec.get("person") else "that"

    @property
    def label(self) -> Column | None:
        """The column by which its rows are called, if it has one."""
        return next((c for c in self.columns if c.role == "label"), None)

    def ddl(self, inline_key: bool) -> str:
        """The CREATE TABLE statement, on one line to spare the model tokens."""
        lines = []
        if self.key:
            lines.append(f"{self.key} INT AUTO_INCREMENT" + (" PRIMARY KEY" if inline_key else ""))
        foreign = [f"{p.column} INT NOT NULL" for p in self.parents]
        plain = [f"{c.name} {c.sql_type}" for c in self.columns]
        lines += foreign + plain if self.link else plain + foreign
        if self.link:
            lines.append(f"PRIMARY KEY ({', '.join(p.column for p in self.parents)})")
        elif not inline_key:
            lines.append(f"PRIMARY KEY ({self.key})")
        lines += [f"FOREIGN KEY ({p.column}) REFERENCES {p.table.name}({p.key})" for p in self.parents]
        return f"CREATE TABLE {self.name} ({', '.join(lines)});"


@dataclass(frozen=True)
class Schema:
    """A few tables of a domain, parents before their children."""

    db_id: int
    tables: tuple[Table, ...]
    inline_key: bool

    @cached_property
    def ddl(self) -> str:
        """All CREATE TABLE statements, one a line."""
        return "\n".join(table.ddl(self.inline_key) for table in self.tables)


def load(name: str) -> dict[str, Any]:
    """A domain's YAML, with names of shared value lists replaced by the lists."""
    shared = yaml.safe_load((FOLDER / "values.yaml").read_text("utf-8"))
    domain: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    for column in (c for columns in domain["columns"].values() for c in columns):
        if isinstance(column.get("values"), str):
            column["values"] = shared[column["values"]]
    return domain


def schemas(name: str) -> list[Schema]:
    """All schemas of a domain. Names and columns are drawn, the same ones every time."""
    domain = load(name)
    return [
        _schema(domain, entities, random.Random(f"{name}/{index}")) for index, entities in enumerate(domain["schemas"])
    ]


def _schema(domain: dict[str, Any], entities: list[str], rng: random.Random) -> Schema:
    plain_id = rng.random() < 0.5
    built: dict[str, Table] = {}
    waiting = list(entities)
    while waiting:
        entity = next(e for e in waiting if not (_needs(domain, e) & set(waiting) - {e}))
        waiting.remove(entity)
        built[entity] = _table(domain, entity, built, plain_id, len(entities), rng)
    return Schema(domain["db_id"], tuple(built.values()), inline_key=rng.random() < 0.6)


def _needs(domain: dict[str, Any], entity: str) -> set[str]:
    link = domain["links"].get(entity)
    return {link["a"], link["b"]} if link else {p["table"] for p in domain["parents"].get(entity, [])}


def _table(
    domain: dict[str, Any],
    entity: str,
    built: dict[str, Table],
    plain_id: bool,
    size: int,
    rng: random.Random,
) -> Table:
    spec = domain["tables"][entity]
    link = domain["links"].get(entity)
    ties = [{"table": link["a"]}, {"table": link["b"]}] if link else domain["parents"].get(entity, [])
    parents = tuple(
        Parent(f"{tie['table']}_id", built[tie["table"]].key, built[tie["table"]], tie)
        for tie in ties
        if tie["table"] in built
    )
    most = 2 if link and size > 3 else MOST_COLUMNS[size]
    columns = _drop_some(domain["columns"][entity], most, rng)
    return Table(
        entity=entity,
        name=_name(spec["names"], rng),
        key="" if link else "id" if plain_id else f"{entity}_id",
        columns=tuple(Column(_name(c["names"], rng), c["role"], c) for c in columns),
        parents=parents,
        spec=spec,
        link=link,
    )


def _name(names: list[str], rng: random.Random) -> str:
    """Mostly the first name, the one a question uses; now and then another word for it."""
    return names[0] if rng.random() < USUAL_NAME else rng.choice(names)


def _drop_some(columns: list[dict[str, Any]], most: int, rng: random.Random) -> list[dict[str, Any]]:
    """At most `most` columns, the label always among them, in the order of the YAML."""
    spare = [c for c in columns if c["role"] != "label"]
    while len(columns) > most:
        gone = spare.pop(rng.randrange(len(spare)))
        columns = [c for c in columns if c is not gone]
    return columns
