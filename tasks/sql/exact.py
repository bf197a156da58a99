"""Exact match as text, and exact match of canonical forms."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.simplify import simplify

from tasks.sql.dialect import resolve
from tasks.sql.parsing import Refused
from tasks.sql.schema import parse_schema


def exact_match(gold: str, prediction: str) -> bool:
    """Whether two queries are the same text, white space and a closing ';' aside."""
    return _squeezed(gold) == _squeezed(prediction)


def canonical_match(gold: str, prediction: str, context: str, dialect: str) -> bool:
    """Whether two queries are the same once every name is resolved and conditions are simplified and sorted.

    Sound but far from complete: False also for whatever does not parse or resolve.
    """
    left, right = (canonical_form(sql, context, dialect) for sql in (gold, prediction))
    return left is not None and left == right


def canonical_form(sql: str, context: str, dialect: str) -> str | None:
    """The text in which `canonical_match` compares a query; None if it does not parse or resolve."""
    try:
        return _canonical(resolve(sql, parse_schema(context, dialect), dialect))
    except (Refused, ValueError, RecursionError, KeyError, AttributeError, TypeError, IndexError):
        return None


def _squeezed(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")


def _canonical(query: exp.Query) -> str:
    tree = simplify(query)
    _plain_aliases(tree)
    for node in reversed(list(tree.walk(bfs=False))):
        if isinstance(node, exp.And | exp.Or):
            parts = sorted((p.copy() for p in node.flatten()), key=lambda p: p.sql())
            combined = type(node)(this=parts[0], expression=parts[1])
            for part in parts[2:]:
                combined = type(node)(this=combined, expression=part)
            if node.parent is not None:
                node.replace(combined)
        elif isinstance(node, exp.EQ):
            sides = sorted((node.this.copy(), node.expression.copy()), key=lambda p: p.sql())
            node.set("this", sides[0])
            node.set("expression", sides[1])
        elif isinstance(node, exp.Ordered) and not node.args.get("desc"):
            node.set("desc", None)  # ASC is what no word means, too
    return str(tree.sql())


def _plain_aliases(tree: exp.Expr) -> None:
    """Call tables by their own name where an alias only abbreviates it, and drop the names of answers."""
    for select in tree.find_all(exp.Select):
        sources = [p.this for p in (select.args.get("from_"), *select.args.get("joins", [])) if p is not None]
        tables = [s for s in sources if isinstance(s, exp.Table)]
        names = [t.name for t in tables]
        if select is not tree or len(set(names)) != len(names) or any(select.find_all(exp.Subquery)):
            continue
        renamed = {t.alias_or_name: t.name for t in tables}
        for column in select.find_all(exp.Column):
            if column.table in renamed:
                column.set("table", exp.to_identifier(renamed[column.table], quoted=True))
        for table in tables:
            table.set("alias", None)
        aliased = {p.alias: p.this for p in select.selects if isinstance(p, exp.Alias)}
        order = select.args.get("order")
        for key in order.find_all(exp.Column) if order is not None else []:
            if not key.table and key.name in aliased:
                key.replace(aliased[key.name].copy())
        select.set("expressions", [p.unalias() for p in select.selects])
