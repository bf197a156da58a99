"""Equal rewrites of conditions and values: other words that keep every answer."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from benchmarks.sql.tree import Edit, Node, column_of, column_table, inner_only, put, tables_of
from tasks.sql.schema import Schema

_MIRRORED: dict[type, type] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
}
_OPPOSITE: dict[type, type] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
}


def swapped_sides(node: Node, _: Schema) -> Iterator[Edit]:
    """A AND b as b AND a; a OR b as b OR a."""
    if isinstance(node, exp.And | exp.Or):
        yield put(lambda n: type(n)(this=_bracketed(n.expression), expression=_bracketed(n.this)))


def _bracketed(node: Node) -> Node:
    return exp.paren(node) if isinstance(node, exp.And | exp.Or) else node


def mirrored(node: Node, _: Schema) -> Iterator[Edit]:
    """A < b as b > a."""
    if type(node) in _MIRRORED:
        yield put(lambda n: _MIRRORED[type(n)](this=n.expression, expression=n.this))


def negated(node: Node, _: Schema) -> Iterator[Edit]:
    """A < b as NOT (a >= b)."""
    if type(node) in _OPPOSITE and not node.find_ancestor(exp.Join):
        opposite = _OPPOSITE[type(node)]
        yield put(lambda n: exp.Not(this=exp.paren(opposite(this=n.this, expression=n.expression))))


def in_as_or(node: Node, _: Schema) -> Iterator[Edit]:
    """IN (a, b) as a chain of =; = as IN of one value."""
    if isinstance(node, exp.In) and node.expressions:
        yield put(
            lambda n: exp.paren(exp.or_(*(exp.EQ(this=n.this.copy(), expression=v.copy()) for v in n.expressions)))
        )
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Literal):
        yield put(lambda n: exp.In(this=n.this, expressions=[n.expression]))


def between(node: Node, _: Schema) -> Iterator[Edit]:
    """BETWEEN as >= and <=."""
    if isinstance(node, exp.Between):
        yield put(
            lambda n: exp.paren(
                exp.And(
                    this=exp.GTE(this=n.this.copy(), expression=n.args["low"]),
                    expression=exp.LTE(this=n.this.copy(), expression=n.args["high"]),
                )
            )
        )


def whole_number_bounds(node: Node, schema: Schema) -> Iterator[Edit]:
    """X > 5 as x >= 6 for a column of whole numbers, COUNT(*) > 5 as COUNT(*) >= 6."""
    if not isinstance(node, exp.GT | exp.LT | exp.GTE | exp.LTE) or not isinstance(node.expression, exp.Literal):
        return
    left = node.this
    column = column_of(left, schema) if isinstance(left, exp.Column) else None
    whole = isinstance(left, exp.Count) or (column is not None and column.family == "int")
    if whole and not node.expression.is_string and node.expression.name.isdigit():
        other, step = {exp.GT: (exp.GTE, 1), exp.LT: (exp.LTE, -1), exp.GTE: (exp.GT, -1), exp.LTE: (exp.LT, 1)}[
            type(node)
        ]
        moved = str(int(node.expression.name) + step)
        yield put(lambda n: other(this=n.this, expression=exp.Literal.number(moved)))


def count_one(node: Node, schema: Schema) -> Iterator[Edit]:
    """COUNT(*) as COUNT(1), as SUM(1) over groups, or of a column that is never NULL."""
    if not isinstance(node, exp.Count) or not isinstance(node.this, exp.Star):
        return
    yield lambda n: n.set("this", exp.Literal.number(1))
    select = node.find_ancestor(exp.Select)
    tables = tables_of(select, schema)
    if tables and inner_only(select):
        alias, table = next(iter(tables.items()))
        never = next((c.name for c in schema.tables[table].columns.values() if not c.nullable), None)
        if never is not None:
            yield lambda n: n.set("this", exp.column(never, table=alias))


def exists_for_in(node: Node, schema: Schema) -> Iterator[Edit]:
    """IN (SELECT ...) as EXISTS, NOT IN as NOT EXISTS where neither side can be NULL."""
    query = node.args.get("query") if isinstance(node, exp.In) else None
    inner = query.unnest() if query is not None else None
    if not isinstance(inner, exp.Select) or not isinstance(node.this, exp.Column) or len(inner.selects) != 1:
        return
    if any(inner.args.get(k) for k in ("group", "having", "limit", "joins", "distinct", "order")):
        return
    given = inner.selects[0]
    outer, own = column_of(node.this, schema), column_of(given, schema) if isinstance(given, exp.Column) else None
    tables = tables_of(inner, schema)
    owner = column_table(node.this, node.find_ancestor(exp.Select), schema)
    if outer is None or own is None or len(tables) != 1 or owner is None or owner in tables:
        return
    if isinstance(node.parent, exp.Not) and (outer.nullable or own.nullable):
        return
    if any(not c.table and column_table(c, inner, schema) is None for c in inner.find_all(exp.Column)):
        return

    def make(n: Node) -> Node:
        select = n.args["query"].unnest().copy()
        name = select.selects[0].name
        select.set("expressions", [exp.Literal.number(1)])
        link = exp.EQ(this=exp.column(name, table=next(iter(tables))), expression=exp.column(n.this.name, table=owner))
        return exp.Exists(this=select.where(link))

    yield put(make)


def always_true(node: Node, _: Schema) -> Iterator[Edit]:
    """A condition that always holds beside the others."""
    if isinstance(node, exp.Where):
        yield lambda n: n.set(
            "this",
            exp.And(
                this=_bracketed(n.this),
                expression=exp.EQ(this=exp.Literal.number(1), expression=exp.Literal.number(1)),
            ),
        )


def year_as_range(node: Node, schema: Schema) -> Iterator[Edit]:
    """YEAR(d) = 2024 as a range of dates."""
    if isinstance(node, exp.EQ) and isinstance(node.this, exp.Year) and isinstance(node.expression, exp.Literal):
        year = int(node.expression.name)
        column = node.this.find(exp.Column)
        known = column_of(column, schema) if column is not None else None
        if known is not None and known.family in ("date", "datetime"):
            yield put(
                lambda n: exp.paren(
                    exp.And(
                        this=exp.GTE(this=n.find(exp.Column).copy(), expression=exp.Literal.string(f"{year}-01-01")),
                        expression=exp.LT(
                            this=n.find(exp.Column).copy(), expression=exp.Literal.string(f"{year + 1}-01-01")
                        ),
                    )
                )
            )


def extreme_by_order(node: Node, _: Schema) -> Iterator[Edit]:
    """(SELECT MAX(x) FROM t) as (SELECT x FROM t WHERE x IS NOT NULL ORDER BY x DESC LIMIT 1)."""
    if not isinstance(node, exp.Subquery) or not isinstance(node.this, exp.Select):
        return
    select = node.this
    if len(select.selects) != 1 or select.args.get("group") or not isinstance(node.parent, exp.Binary):
        return
    extreme = select.selects[0]
    if isinstance(extreme, exp.Max | exp.Min) and isinstance(extreme.this, exp.Column):
        largest = isinstance(extreme, exp.Max)

        def make(n: Node) -> None:
            column = n.this.selects[0].this
            changed = n.this.copy()
            changed.set("expressions", [column.copy()])
            changed = changed.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())))
            ordered = exp.Ordered(this=column.copy(), desc=largest, nulls_first=not largest)
            n.set("this", changed.order_by(ordered).limit(1))

        yield make
