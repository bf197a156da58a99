"""What kind of query an answer is, in the classes that published Text-to-SQL sets use."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.config import Kind
from tasks.sql.parsing import Refused, parse_query


def kind_of(sql: str, dialect: str) -> Kind:
    """The most demanding feature of a query.

    Returns:
        The first that holds of 'CTEs', 'set operations', 'window functions', 'subqueries', 'multiple joins',
        'single join', 'aggregation'; else 'basic SQL' (also for text that is no query).
    """
    try:
        tree = parse_query(sql, dialect)
    except Refused:
        return "basic SQL"
    marked: tuple[tuple[Kind, type[exp.Expr]], ...] = (
        ("CTEs", exp.With),
        ("set operations", exp.SetOperation),
        ("window functions", exp.Window),
    )
    for kind, node in marked:
        if tree.find(node):
            return kind
    if any(select is not tree for select in tree.find_all(exp.Select)):
        return "subqueries"
    joins = sum(1 for _ in tree.find_all(exp.Join))
    if joins:
        return "multiple joins" if joins > 1 else "single join"
    if tree.find(exp.Group, exp.AggFunc, exp.Having):
        return "aggregation"
    return "basic SQL"
