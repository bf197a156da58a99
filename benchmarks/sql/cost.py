"""What judging costs: milliseconds a gold query and a prediction, rows a second and memory of 10,000 predictions."""

from __future__ import annotations

import re
import resource
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import pandas as pd

from benchmarks.measure import PeakMemory
from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.sql.golds import Gold, spider_golds
from benchmarks.sql.mutations import mutants
from benchmarks.sql.rewritten import rewrites
from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import resolve
from tasks.sql.execution import compare
from tasks.sql.jobs import Comparison
from tasks.sql.schema import parse_schema

DIALECT = "mysql"
PREDICTIONS = 10_000
# Schemas, gold queries in all: as an evaluation set of a few databases has it, and as a training set of many.
SHAPES = {"8_schemas": (8, 400), "1000_schemas": (1_000, 1_000)}


def run(quick: bool, seed: int) -> Part:
    """One query at a time in this process, then whole sets in one and two processes, and the peer."""
    golds = spider_golds(60 if quick else 400, seed)
    variants = {g.sql: _variants(g) for g in golds}
    figures: dict[str, float | int | str | None] = dict(_one_by_one(golds[:60], variants))
    count = PREDICTIONS // (20 if quick else 1)
    table = []
    for shape, (schemas, queries) in SHAPES.items():
        rows = _rows(golds, variants, schemas, queries, count, seed)
        for processes in (1, 2):
            began, cpu = time.perf_counter(), _cpu_s()
            with PeakMemory() as peak:
                found = compare(rows, DIALECT, SqlConfig(), processes=processes)
            told = _told(len(rows), began, cpu, peak)
            figures |= {f"{shape}_{processes}_processes_{key}": value for key, value in told.items()}
            told |= {"equal": int((found.outcome == "equal").sum())}
            table.append({"way": "ours, 20 databases", "rows": shape, "processes": processes, **told})
        began, cpu = time.perf_counter(), _cpu_s()
        with PeakMemory() as peak:
            equal = _peer(rows, seed)
        told = _told(len(rows), began, cpu, peak)
        figures |= {f"{shape}_peer_{key}": value for key, value in told.items()}
        table.append({"way": "one file, opened a row", "rows": shape, "processes": 1, **told, "equal": equal})
    show(f"{count:,} predictions, no two the same text", table)
    return Part(figures | {"predictions": count}, ("sqlglot", "sqlglotc"))


def _cpu_s() -> float:
    """CPU seconds of this process and the children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _told(rows: int, began: float, cpu: float, peak: PeakMemory) -> dict[str, float]:
    return {
        "rows_per_s": round(rows / (time.perf_counter() - began)),
        "cpu_ms_a_row": round(1000 * (_cpu_s() - cpu) / rows, 2),
        "peak_mb": round(peak.mb),
    }


def _variants(gold: Gold) -> list[str]:
    schema = parse_schema(gold.context, DIALECT)
    made = [sql for way in (mutants, rewrites) for _, sql in way(gold.sql, schema, DIALECT)]
    return [gold.sql.replace("SELECT", "select"), *dict.fromkeys(made)]


def _one_by_one(golds: list[Gold], variants: dict[str, list[str]]) -> dict[str, float]:
    """Median CPU milliseconds; build: databases made, opened and asked the gold query, in two orders."""
    config = SqlConfig()
    build, judged = [], []
    for gold in golds:
        began = time.process_time()
        comparison = Comparison((gold.context, gold.sql, DIALECT, None), config)
        build.append(time.process_time() - began)
        for prediction in variants[gold.sql][:10]:
            began = time.process_time()
            comparison.answer(prediction)
            judged.append(time.process_time() - began)
        comparison.close()
    told = {"gold_build_cpu_ms": statistics.median(build), "prediction_cpu_ms": statistics.median(judged)}
    show("One at a time, median", [{name: f"{1000 * value:.1f}" for name, value in told.items()}])
    return {name: round(1000 * value, 2) for name, value in told.items()}


def _rows(
    golds: list[Gold], variants: dict[str, list[str]], schemas: int, queries: int, count: int, seed: int
) -> pd.DataFrame:
    """Predictions over so many schemas, which are the few written ones under other names."""
    random, lines = Random(seed), []
    contexts = list(dict.fromkeys(g.context for g in golds))
    queries = min(queries, count // 5)
    for number in range(queries):
        schema = number % schemas
        gold = random.choice([g for g in golds if g.context == contexts[schema % len(contexts)]])
        for at in range(number, count, queries):
            texts = (gold.context, gold.sql, random.choice(variants[gold.sql]))
            context, wanted, prediction = (_renamed(text, gold.context, schema) for text in texts)
            lines.append((str(at), context, wanted, f"{prediction} /* {at} */"))
    return pd.DataFrame(lines, columns=["example_id", "context", "gold", "prediction"])


def _renamed(text: str, context: str, number: int) -> str:
    names = "|".join(re.findall(r"CREATE TABLE (\w+)", context))
    return re.sub(rf"\b({names})\b", rf"\1_{number}", text)


def _peer(rows: pd.DataFrame, seed: int) -> int:
    """Gold and prediction of each row on the one database file of its schema, which is opened for it."""
    equal = 0
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Path] = {}
        for context, gold, prediction in rows[["context", "gold", "prediction"]].itertuples(index=False):
            if context not in files:
                files[context] = Path(folder) / f"{len(files)}.sqlite"
                _write(files[context], context, gold, seed)
            connection = sqlite3.connect(files[context])
            try:
                answers = [Counter(connection.execute(sql).fetchall()) for sql in (gold, prediction)]
                equal += answers[0] == answers[1]
            except sqlite3.Error:
                pass
            finally:
                connection.close()
    return equal


def _write(file: Path, context: str, gold: str, seed: int) -> None:
    schema = parse_schema(context, DIALECT)
    rows = next(generate(schema, resolve(gold, schema, DIALECT), SqlConfig(databases=1, seed=seed)))
    connection = sqlite3.connect(file)
    connection.executescript(context)
    for name, made in rows.items():
        marks = ", ".join("?" * len(schema.tables[name].columns))
        connection.executemany(f"INSERT INTO `{name}` VALUES ({marks})", made)
    connection.commit()
    connection.close()
