"""WikiSQL: a table as header and types, a query as indices into it. Both become SQL here.

    header ["Player", "No.", "No."], sql {"sel": 0, "agg": 3, "conds": [[1, 0, "23"]]}

is `SELECT COUNT("Player") FROM "table_1_10" WHERE "No." = '23'` on
`CREATE TABLE "table_1_10" ("Player" TEXT, "No." TEXT, "No. (2)" TEXT)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.data.sources.config import WikiSqlSource
from tasks.data.sources.formats import read_jsonl
from tasks.data.sources.hub import open_splits
from tasks.data.sources.record import Record
from tasks.data.sources.schema_index import unique_names

AGGREGATIONS = ("", "MAX", "MIN", "COUNT", "SUM", "AVG")
OPERATORS = ("=", ">", "<")  # the fourth, OP, stands for nothing
TYPES = {"text": "TEXT", "real": "REAL"}
DOMAIN = "wikipedia"


def records(source: WikiSqlSource) -> Iterator[Record]:
    """All rows, from the files as handed out or from a data set in the Hub's shape.

    Raises:
        InputError: naming the file and row of a table or an index that is not there.
    """
    folder = Path(source.path)
    found = _from_files(folder) if any(folder.glob("*.tables.jsonl")) else _from_hub(source)
    for place, question, table, query in found:
        try:
            name, columns = f"table_{str(table['id']).replace('-', '_')}", unique_names(table["header"])
            context = _ddl(name, columns, table["types"])
            answer = _query(name, columns, table["types"], query)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{source.path}: {place}: not a WikiSQL row: {type(error).__name__}: {error}") from None
        yield Record(place, str(table["id"]), context, question, answer, "sqlite", "en", DOMAIN)


Found = Iterator[tuple[str, Any, Mapping[str, Any], Mapping[str, Any]]]


def _from_files(folder: Path) -> Found:
    for tables_file in sorted(folder.glob("*.tables.jsonl")):
        tables = {table.get("id"): table for _, table in read_jsonl(str(tables_file))}
        examples = tables_file.with_name(tables_file.name.replace(".tables.jsonl", ".jsonl"))
        for line, row in read_jsonl(str(examples)):
            place = f"{examples.name}:{line}"
            if row.get("table_id") not in tables:
                raise InputError(f"{examples}: {place}: no table {row.get('table_id')!r} in {tables_file.name}")
            yield place, row.get("question"), tables[row["table_id"]], row.get("sql") or {}


def _from_hub(source: WikiSqlSource) -> Found:
    for place, values in open_splits(source.path, source.revision, ("question", "table", "sql")):
        query, table = dict(values["sql"] or {}), values["table"] or {}
        conds = query.get("conds") or {}
        if isinstance(conds, Mapping):  # columns instead of rows
            parts = (conds.get(name, []) for name in ("column_index", "operator_index", "condition"))
            query["conds"] = list(zip(*parts, strict=True))
        yield place, values["question"], table, query


def _ddl(table: str, columns: Sequence[str], types: Sequence[str]) -> str:
    described = (f"{quoted(name)} {TYPES[kind]}" for name, kind in zip(columns, types, strict=True))
    return f"CREATE TABLE {quoted(table)} ({', '.join(described)});"


def _query(table: str, columns: Sequence[str], types: Sequence[str], query: Mapping[str, Any]) -> str:
    selected, aggregation = quoted(_at(columns, query["sel"])), _at(AGGREGATIONS, query["agg"])
    answer = f"{aggregation}({selected})" if aggregation else selected
    conditions = [
        f"{quoted(_at(columns, column))} {_at(OPERATORS, operator)} {_literal(value, types[column])}"
        for column, operator, value in query["conds"]
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {answer} FROM {quoted(table)}{where};"


def _at(items: Sequence[str], index: int) -> str:
    if index < 0:
        raise IndexError(f"index {index}")
    return items[index]


def _literal(value: Any, kind: str) -> str:
    if kind == "real":
        try:
            return repr(float(str(value).replace(",", ""))).removesuffix(".0")
        except ValueError:
            pass
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQLite takes any name."""
    return '"' + name.replace('"', '""') + '"'
