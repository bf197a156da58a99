"""Comparisons as MySQL makes them: text without case, text as number, dates as dates."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.functions import as_date
from tasks.sql.parsing import unsupported
from tasks.sql.rewrites import Node, as_number, as_text, call, family_of, literal_moment, literal_number, text, typed
from tasks.sql.text_functions import COLLATION

NUMBERS = ("int", "real")
MOMENTS = ("date", "datetime")


def put(old: Node, new: Node) -> None:
    """Put a new node in the place of an old one (which it may contain a copy of)."""
    if new is not old:
        old.replace(new)


def collated(node: Node) -> Node:
    """A text expression that compares without case. SQLite gives plain columns their own collation."""
    if family_of(node) != "text" or isinstance(node, exp.Collate):
        return node
    return typed(exp.Collate(this=exp.Paren(this=node.copy()), expression=exp.Var(this=COLLATION)), "text")


def align(left: Node, right: Node) -> tuple[Node, Node]:
    """Both sides of a comparison in one family.

    Raises:
        Refused: MySQL's rule for these two families is not known to be met.
    """
    a, b = family_of(left), family_of(right)
    if "null" in (a, b) or (a in NUMBERS and b in NUMBERS):
        return left, right
    if a == b == "text":
        return collated(left), right
    if a in NUMBERS and b == "text":
        return left, _read_number(right)
    if a == "text" and b in NUMBERS:
        return _read_number(left), right
    if a in MOMENTS and b in (*MOMENTS, "text"):
        return _moments(left, right)
    if b in MOMENTS and a == "text":
        return align(right, left)[::-1]
    if a == "time" and b in ("time", "text"):
        return left, right
    raise unsupported(f"comparison of {left.sql('mysql')} with {right.sql('mysql')}")


def _read_number(node: Node) -> Node:
    return literal_number(node.name) if isinstance(node, exp.Literal) else as_number(node)


def _moments(left: Node, right: Node) -> tuple[Node, Node]:
    if isinstance(right, exp.Literal):
        kind = str(family_of(left))
        written = literal_moment(right.name, "datetime")
        if written is None:
            raise unsupported(f"comparison of a date with '{right.name}'")
        if kind == "date" and not written.endswith(" 00:00:00"):
            return call("my_datetime", "datetime", left), text(written)
        return left, typed(text(str(as_date(right.name)) if kind == "date" else written), kind)
    if family_of(left) == family_of(right):
        return left, right
    return call("my_datetime", "datetime", left), call("my_datetime", "datetime", right)


def binary(node: Node) -> Node:
    """= <> < <= > >= <=>."""
    for side, aligned in zip((node.this, node.expression), align(node.this, node.expression), strict=True):
        put(side, aligned)
    return typed(node, "int")


def between(node: Node) -> Node:
    """BETWEEN as two comparisons, since its bounds may be of different families."""
    low = binary(exp.GTE(this=node.this.copy(), expression=node.args["low"].copy()))
    high = binary(exp.LTE(this=node.this.copy(), expression=node.args["high"].copy()))
    return typed(exp.Paren(this=exp.And(this=low, expression=high)), "int")


def is_in(node: Node) -> Node:
    """IN (list) as IN where all are of one family, else as a chain of comparisons; IN (subquery)."""
    left = node.this
    query = node.args.get("query")
    if query is None:
        if isinstance(left, exp.Tuple) or any(isinstance(e, exp.Tuple) for e in node.expressions):
            return _rows_in_list(node)
        pairs = [align(left, value) for value in node.expressions]
        if all(p[0] == pairs[0][0] for p in pairs):
            return typed(exp.In(this=pairs[0][0].copy(), expressions=[p[1].copy() for p in pairs]), "int")
        equal = [exp.EQ(this=a.copy(), expression=b.copy()) for a, b in pairs]
        return typed(exp.Paren(this=exp.or_(*equal, copy=False)), "int")
    select = query.unnest()
    wanted = left.expressions if isinstance(left, exp.Tuple) else [left]
    given = [p.unalias() for p in select.selects]
    if select.args.get("limit"):
        raise unsupported("LIMIT in an IN subquery")
    if len(wanted) != len(given):
        raise unsupported("IN of different widths")
    for a, b in zip(wanted, given, strict=True):
        kinds = {family_of(a), family_of(b)} - {"null"}
        if None in kinds or (len(kinds) > 1 and kinds != {"int", "real"}):
            raise unsupported(f"comparison of {a.sql('mysql')} with {b.sql('mysql')}")
    if not isinstance(left, exp.Tuple):
        left.replace(collated(left))
    return node


def _rows_in_list(node: Node) -> Node:
    options = []
    for row in node.expressions:
        if not (isinstance(node.this, exp.Tuple) and isinstance(row, exp.Tuple)):
            raise unsupported("rows compared with values")
        if len(row.expressions) != len(node.this.expressions):
            raise unsupported("rows of different widths")
        parts = [
            binary(exp.EQ(this=a.copy(), expression=b.copy()))
            for a, b in zip(node.this.expressions, row.expressions, strict=True)
        ]
        options.append(exp.paren(exp.and_(*parts, copy=False), copy=False))
    return typed(exp.Paren(this=exp.or_(*options, copy=False)), "int")


def case(node: Node) -> Node:
    """CASE x WHEN v as CASE WHEN x = v, so that the comparison is MySQL's."""
    if node.this is None:
        return node
    branches = []
    for branch in node.args["ifs"]:
        test = binary(exp.EQ(this=node.this.copy(), expression=branch.this.copy()))
        branches.append(exp.If(this=test, true=branch.args["true"].copy()))
    default = node.args.get("default")
    fresh = exp.Case(ifs=branches, default=default.copy() if default is not None else None)
    fresh.type = node.type
    return fresh


def nullif(node: Node) -> Node:
    """NULLIF with MySQL's comparison."""
    test = binary(exp.EQ(this=node.this.copy(), expression=node.expression.copy()))
    fresh = exp.Case(ifs=[exp.If(this=test, true=exp.Null())], default=node.this.copy())
    fresh.type = node.this.type
    return fresh


def like(node: Node) -> Node:
    """[NOT] LIKE, whose sides are texts."""
    sides = {"this": as_text(node.this).copy(), "expression": as_text(node.expression).copy()}
    return typed(exp.Like(**sides, negate=node.args.get("negate")), "int")
