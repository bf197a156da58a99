"""Mutants of gold queries told apart and equal rewrites wrongly rejected, by ours and by what is used today."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from random import Random
from typing import Any

from benchmarks.parts import Part
from benchmarks.record import show
from benchmarks.sql.golds import Gold, sample_golds, spider_golds
from benchmarks.sql.mutations import mutants
from benchmarks.sql.peers import constants, fixed_rule, random_rows, suite_rule
from benchmarks.sql.rewritten import rewrites
from benchmarks.sql.wide import differs_somewhere
from tasks.sql.config import SqlConfig
from tasks.sql.databases import generate
from tasks.sql.dialect import Translated, resolve, translate
from tasks.sql.equivalence import judge, prepare_gold
from tasks.sql.parsing import Refused
from tasks.sql.schema import parse_schema

COUNTS = (1, 5, 20)
RULES = (*(f"ours_{n}" for n in COUNTS), *(f"suite_{n}" for n in COUNTS), "fixed")
SHOWN = {"ours": "ours, {} databases", "suite": "test-suite rule, {} databases", "fixed": "one fixed database"}
MUTANTS_A_GOLD, REWRITES_A_GOLD = 6, 6
FIXED_ROWS = 100


@dataclass
class Pair:
    """A gold query with a wrong or an equal one, and who told them apart.

    Attributes:
        told: for each of `RULES` whether it calls them different.
        equivalent: a mutant that no database of the wide search tells apart.
    """

    gold: str
    query: str
    kind: str
    is_mutant: bool
    told: dict[str, bool] = field(default_factory=dict)
    equivalent: bool = False
    reason: str = ""


def run(quick: bool, seed: int) -> Part:
    """Measure both sets; two processes share the gold queries."""
    count = 12 if quick else 220
    figures: dict[str, float | int | str | None] = {}
    listed: dict[str, Any] = {}
    for name, golds in (("sample", sample_golds(count, seed)), ("spider", spider_golds(count * 7 // 8, seed))):
        known = _constants_by_context(golds)
        work = [(gold, known[gold.context], f"{seed}-{at}") for at, gold in enumerate(golds)]
        with get_context("spawn").Pool(2) as pool:
            found = pool.map(_pairs_of, work, chunksize=4)
        pairs = [pair for some in found for pair in some]
        figures |= {f"{name}_golds": len(golds), f"{name}_golds_undecided": sum(not some for some in found)}
        figures |= _figures(name, pairs)
        listed[name] = _listed(pairs)
        _show(name, pairs)
    return Part(figures, ("sqlglot",), listed)


def _constants_by_context(golds: Sequence[Gold]) -> dict[str, list[str]]:
    queries = defaultdict(list)
    for gold in golds:
        queries[gold.context].append(resolve(gold.sql, parse_schema(gold.context, gold.dialect), gold.dialect))
    return {context: constants(some) for context, some in queries.items()}


def _pairs_of(work: tuple[Gold, list[str], str]) -> list[Pair]:
    """All pairs of one gold query, judged; none if it decides nothing."""
    gold, known, seed = work
    random = Random(seed)
    schema = parse_schema(gold.context, gold.dialect)
    wanted = translate(gold.sql, schema, gold.dialect)
    pairs = [
        Pair(gold.sql, sql, kind, is_mutant)
        for is_mutant, made, most in (
            (True, mutants, MUTANTS_A_GOLD),
            (False, rewrites, REWRITES_A_GOLD),
        )
        for kind, sql in _drawn(list(made(gold.sql, schema, gold.dialect)), most, random, partial(_runs, gold))
    ]
    for count in COUNTS:
        config = SqlConfig(databases=count)
        prepared = prepare_gold(gold.context, gold.sql, gold.dialect, config)
        if prepared.refusal is not None and count == max(COUNTS):
            return []
        for pair in pairs:
            verdict = judge(prepared, pair.query, gold.dialect, config)
            pair.told[f"ours_{count}"] = verdict.outcome in ("different", "invalid")
            pair.reason = verdict.reason
        prepared.close()
    queries = [pair.query for pair in pairs]
    databases = list(generate(schema, wanted.source, SqlConfig(databases=max(COUNTS))))
    for pair, equal in zip(pairs, suite_rule(gold.sql, queries, schema, gold.dialect, databases), strict=True):
        pair.told |= {f"suite_{n}": not all(equal[:n]) for n in COUNTS}
    translated = [translate(sql, schema, gold.dialect) for sql in queries]
    fixed = random_rows(schema, known, FIXED_ROWS, Random(f"{gold.context}{FIXED_ROWS}"))
    for pair, equal in zip(pairs, fixed_rule(wanted, translated, schema, fixed), strict=True):
        pair.told["fixed"] = not equal
    for pair, query in zip(pairs, translated, strict=True):
        told = pair.told[f"ours_{max(COUNTS)}"]
        pair.equivalent = pair.is_mutant and not told and not differs_somewhere(schema, wanted, query, seed)
    return pairs


def _drawn(made: list[tuple[str, str]], most: int, random: Random, fits: Any) -> list[tuple[str, str]]:
    """Some of the queries that run, as many kinds of them as there are."""
    random.shuffle(made)
    rank: Counter[str] = Counter()
    ranked = []
    for kind, sql in made:
        ranked.append((rank[kind], kind, sql))
        rank[kind] += 1
    found: list[tuple[str, str]] = []
    for _, kind, sql in sorted(ranked, key=lambda item: item[0]):
        if len(found) == most:
            break
        if fits(sql):
            found.append((kind, sql))
    return found


def _runs(gold: Gold, sql: str) -> Translated | None:
    try:
        return translate(sql, parse_schema(gold.context, gold.dialect), gold.dialect)
    except Refused:
        return None


def _share(pairs: Sequence[Pair], rule: str) -> float | None:
    return round(sum(p.told[rule] for p in pairs) / len(pairs), 4) if pairs else None


def _figures(name: str, pairs: Sequence[Pair]) -> dict[str, float | int | str | None]:
    wrong = [p for p in pairs if p.is_mutant and not p.equivalent]
    equal = [p for p in pairs if not p.is_mutant]
    found: dict[str, float | int | str | None] = {
        f"{name}_mutants": len(wrong),
        f"{name}_mutants_equivalent": sum(p.equivalent for p in pairs),
        f"{name}_rewrites": len(equal),
    }
    for rule in RULES:
        found[f"{name}_told_apart_{rule}"] = _share(wrong, rule)
        found[f"{name}_rewrites_rejected_{rule}"] = sum(p.told[rule] for p in equal)
    return found


def _listed(pairs: Sequence[Pair]) -> dict[str, Any]:
    last = f"ours_{max(COUNTS)}"
    by_kind = {}
    for kinds, some in (
        ("mutants", [p for p in pairs if p.is_mutant and not p.equivalent]),
        ("rewrites", [p for p in pairs if not p.is_mutant]),
    ):
        by_kind[kinds] = {
            kind: {"pairs": len(own)} | {rule: sum(p.told[rule] for p in own) for rule in RULES}
            for kind in sorted({p.kind for p in some})
            for own in [[p for p in some if p.kind == kind]]
        }
    return {
        "different_by_kind": by_kind,
        "mutants_missed": [
            [p.kind, p.gold, p.query] for p in pairs if p.is_mutant and not p.equivalent and not p.told[last]
        ],
        "rewrites_rejected": [[p.kind, p.gold, p.query] for p in pairs if not p.is_mutant and p.told[last]],
        "mutants_equivalent": [[p.kind, p.gold, p.query] for p in pairs if p.equivalent],
    }


def _show(name: str, pairs: Sequence[Pair]) -> None:
    wrong = [p for p in pairs if p.is_mutant and not p.equivalent]
    equal = [p for p in pairs if not p.is_mutant]
    rules = []
    for rule in RULES:
        label, _, count = rule.partition("_")
        rules.append(
            {
                "rule": SHOWN[label].format(count),
                f"of {len(wrong)} mutants told apart": f"{_share(wrong, rule) or 0:.1%}",
                f"of {len(equal)} equal rewrites rejected": sum(p.told[rule] for p in equal),
            }
        )
    show(f"{name}: all kinds ({sum(p.equivalent for p in pairs)} equivalent mutants left out)", rules)
    for title, some in (("mutants told apart", wrong), ("equal rewrites rejected", equal)):
        lines: list[dict[str, Any]] = []
        for kind in sorted({p.kind for p in some}):
            own = [p for p in some if p.kind == kind]
            counts = {rule.replace("_", " "): sum(p.told[rule] for p in own) for rule in RULES}
            lines.append({"kind": kind, "pairs": len(own), **counts})
        show(f"{name}: {title}", lines)
