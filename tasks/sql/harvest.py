"""What a gold query tests: values compared with each column, group sizes and row counts it turns on.

Only the gold query is read. Predictions would add nothing (measured) and would make scores depend on the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from tasks.sql.functions import NOW, as_datetime, date_add, number
from tasks.sql.rewrites import Node
from tasks.sql.schema import Schema
from tasks.sql.structure import source_table

ColumnKey = tuple[str, str]  # table, column
Test = tuple[str, str | float | int | None]  # operator, value: a row's cell passes or misses it

_OPERATORS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.NullSafeEQ: "="}
_MIRRORED = {"=": "=", "<>": "<>", ">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass
class Harvest:
    """What the gold query looks at.

    Attributes:
        tests: for each column the tests made on it, or on an expression it is part of.
        joined: pairs of columns that are compared with each other.
        grouped: columns rows are grouped by.
        ranked: columns that sort rows, or whose extreme is asked for.
        sizes: group sizes and row counts at which an answer changes.
        tables: tables the query reads.
    """

    tests: dict[ColumnKey, list[Test]] = field(default_factory=dict)
    joined: list[tuple[ColumnKey, ColumnKey]] = field(default_factory=list)
    grouped: list[ColumnKey] = field(default_factory=list)
    ranked: list[ColumnKey] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


def harvest(query: exp.Query, schema: Schema) -> Harvest:
    """Read the tests of a resolved query (columns qualified)."""
    found = Harvest()
    for table in query.find_all(exp.Table):
        if table.name in schema.tables and table.name not in found.tables:
            found.tables.append(table.name)
    for node in query.walk():
        if isinstance(node, exp.Limit | exp.Offset) and node.expression is not None:
            found.sizes += _whole(node.expression)
        elif isinstance(node, exp.Group):
            for item in node.expressions:
                found.grouped += [k for k in _columns(item, schema) if k not in found.grouped]
        elif isinstance(node, exp.Ordered | exp.Min | exp.Max):
            found.ranked += _columns(_aliased(node.this), schema)
        else:
            _tests(node, schema, found)
    return found


def _aliased(node: Node) -> Node:
    """The expression behind an alias that ORDER BY names."""
    select: Node = node.find_ancestor(exp.Select)
    if isinstance(node, exp.Column) and not node.table and select is not None:
        return next((p.unalias() for p in select.selects if p.alias == node.name), node)
    return node


def _tests(node: Node, schema: Schema, found: Harvest) -> None:
    match node:
        case exp.Binary() if type(node) in _OPERATORS:
            _compare(node.this, _OPERATORS[type(node)], node.expression, schema, found)
        case exp.Between():
            _compare(node.this, ">=", node.args["low"], schema, found)
            _compare(node.this, "<=", node.args["high"], schema, found)
        case exp.In():
            _in(node, schema, found)
        case exp.Like():
            _compare(node.this, "like", node.expression, schema, found)
        case exp.Case() if node.this is not None:
            for branch in node.args["ifs"]:
                _compare(node.this, "=", branch.this, schema, found)


def _in(node: exp.In, schema: Schema, found: Harvest) -> None:
    for value in node.expressions:
        _compare(node.this, "=", value, schema, found)
    query: Node = node.args.get("query")
    if query is not None and not isinstance(node.this, exp.Tuple):
        inner = query.unnest().selects
        for a in _columns(node.this, schema):
            found.joined += [(a, b) for b in _columns(inner[0], schema)] if inner else []


def _compare(left: exp.Expr, operator: str, right: exp.Expr, schema: Schema, found: Harvest) -> None:
    for side, other, op in ((left, right, operator), (right, left, _MIRRORED.get(operator, operator))):
        values = list(_constants(other))
        if not values:
            continue
        aggregate = side.find(exp.AggFunc)
        if isinstance(aggregate, exp.Count):
            found.sizes += [int(n) for v in values if isinstance(n := number(v), int | float) and 0 <= n <= 500]
        for key in _columns(side, schema):
            found.tests.setdefault(key, []).extend((op, v) for v in values)
            if isinstance(aggregate, exp.Sum) and isinstance(n := number(values[0]), int | float):
                found.tests[key].extend((op, n / k) for k in (2, 3))  # a group's rows add up to it
    ours, theirs = _columns(left, schema), _columns(right, schema)
    if len(ours) == len(theirs) == 1 and ours != theirs:
        found.joined.append((ours[0], theirs[0]))


def _constants(node: exp.Expr) -> Iterator[str | float | int]:
    """Values of a side of a comparison that reads no column."""
    if node.find(exp.Column, exp.Select):
        return
    moment = _moment(node)
    if moment is not None:
        yield moment
        return
    for literal in node.find_all(exp.Literal):
        if literal.is_string:
            yield literal.name
        else:
            value = number(literal.name)
            yield -value if isinstance(literal.parent, exp.Neg) and value is not None else value  # type: ignore[misc]
    if node.find(exp.Boolean):
        yield int(str(node).upper() == "TRUE")


def _moment(node: exp.Expr) -> str | None:
    """The instant that NOW() with intervals around it comes to."""
    frozen = node.find(exp.CurrentDate, exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp)
    named = [n for n in node.find_all(exp.Anonymous) if n.name.lower() in ("now", "sysdate")]
    if frozen is None and not named:
        return None
    instant: str | None = NOW
    for step in node.find_all(exp.DateSub, exp.DateAdd, exp.Interval):
        unit, amount = step.args.get("unit"), step.args.get("expression") or step.this
        back = isinstance(step, exp.DateSub) or isinstance(step.parent, exp.Sub)
        if unit is None or not isinstance(amount, exp.Literal) or isinstance(step.parent, exp.DateSub | exp.DateAdd):
            continue
        count = number(amount.name) or 0
        try:
            instant = date_add(instant, -count if back else count, unit.name.upper())
        except KeyError:
            return NOW
    return as_datetime(instant)


def _columns(node: Node, schema: Schema) -> list[ColumnKey]:
    """Base columns an expression reads, in order, without those inside subqueries of it."""
    inner = node.unnest() if isinstance(node, exp.Paren) else node
    if isinstance(inner, exp.Subquery | exp.Select):
        select: Node = inner.unnest() if isinstance(inner, exp.Subquery) else inner
        columns = list(select.selects[0].find_all(exp.Column)) if select.selects else []
    else:
        columns = list(inner.find_all(exp.Column))
    keys = []
    for column in columns:
        table = source_table(column) or _through(column)
        if table in schema.tables and column.name in schema.tables[table].columns:
            keys.append((table, column.name))
    return list(dict.fromkeys(keys))


def _through(column: exp.Column) -> str | None:
    """Base table of a column read through a derived table or CTE that passes it on under its own name."""
    root = column.root()
    for select in root.find_all(exp.Select):
        for projection in select.selects:
            inner = projection.unalias()
            if projection.alias_or_name == column.name and isinstance(inner, exp.Column) and inner is not column:
                table = source_table(inner)
                if table is not None:
                    return table
    return None


def _whole(node: exp.Expr) -> list[int]:
    return [int(node.name)] if isinstance(node, exp.Literal) and node.name.isdigit() and int(node.name) <= 500 else []
