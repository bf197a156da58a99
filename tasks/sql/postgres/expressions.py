"""One expression: a SQLite expression with PostgreSQL's type."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres import aggregates, calls, operators
from tasks.sql.postgres.scope import ColumnTypes, Scope
from tasks.sql.postgres.types import MOMENTS, NUMBERS, UNKNOWN, Node, Typed, cast, coerce, no_operator, text, unify

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_AGGREGATES = (
    *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.GroupConcat, exp.LogicalAnd, exp.LogicalOr),
    *(exp.StddevPop, exp.StddevSamp, exp.Stddev, exp.VariancePop, exp.Variance),
)

# Set by `translate`: a subquery's text for SQLite and the types of its columns.
SubqueryTyping = Callable[[Node, Scope], tuple[Node, ColumnTypes]]


class Expressions:
    """The expressions of one SELECT."""

    def __init__(self, scope: Scope, query: SubqueryTyping) -> None:
        self.scope = scope
        self.query = query

    def __call__(self, node: Node) -> Typed:  # noqa: C901  (a table of cases)
        """Rewrite an expression.

        Raises:
            Refused: it is a mistake in PostgreSQL ('invalid') or not translated ('unsupported').
        """
        if isinstance(node, _COMPARISONS):
            return self._compare(node)
        if isinstance(node, _OPERATORS):
            return operators.arithmetic(type(node), self(node.this.unnest()), self(node.expression.unnest()))
        if isinstance(node, _AGGREGATES):
            return aggregates.aggregate(node, self)
        match node:
            case exp.Column():
                return self.scope.column(node.copy(), node.table, node.name)
            case exp.Literal() | exp.Null() | exp.Boolean():
                return _literal(node)
            case exp.Paren():
                inner = self(node.this)
                return Typed(exp.Paren(this=inner.node), inner.type, inner.scale) if inner.type != UNKNOWN else inner
            case exp.Neg():
                return self._negative(node)
            case exp.And() | exp.Or():
                name = type(node).__name__.upper()
                sides = [operators.boolean(self(n), name) for n in (node.this, node.expression)]
                return Typed(exp.Paren(this=type(node)(this=sides[0], expression=sides[1])), "bool")
            case exp.Not():
                inner_node = operators.boolean(self(node.this), "NOT")
                return Typed(exp.Paren(this=exp.Not(this=exp.Paren(this=inner_node))), "bool")
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between() if not node.args.get("symmetric"):
                value, low, high = (self(node.args[k]) for k in ("this", "low", "high"))
                both = operators.compare(exp.GTE, value, low).node, operators.compare(exp.LTE, value, high).node
                return Typed(exp.Paren(this=exp.And(this=both[0], expression=both[1])), "bool")
            case exp.Like() | exp.ILike():
                return self._like(node, "\\")
            case exp.Escape() if isinstance(node.expression, exp.Literal) and len(node.expression.name) == 1:
                return self._like(node.this, node.expression.name)
            case exp.DPipe():
                return operators.concatenation(self(node.this), self(node.expression))
            case exp.Cast() if type(node) is exp.Cast:
                return cast(self(node.this.unnest()), node.to)
            case exp.Interval():
                return _interval(node)
        return self._choice(node)

    def _choice(self, node: Node) -> Typed:  # noqa: C901  (a table of cases)
        match node:
            case exp.Case():
                return self._case(node)
            case exp.Coalesce() | exp.Greatest() | exp.Least():
                values = unify([self(n) for n in (node.this, *node.expressions)], node.sql_name())
                if isinstance(node, exp.Coalesce):
                    made: Node = exp.Coalesce(this=values[0].node, expressions=[v.node for v in values[1:]])
                else:
                    made = exp.Anonymous(this=f"pg_{node.key}", expressions=[v.node for v in values])
                    if values[0].type == "interval":
                        raise unsupported(f"{node.sql_name()} of intervals")
                return Typed(made, values[0].type, _common_scale(values))
            case exp.Nullif():
                value, other = self(node.this), self(node.expression)
                same = operators.compare(exp.EQ, value, other)
                value = coerce(value, "text")
                branch = exp.If(this=same.node, true=exp.Null())
                return Typed(exp.Case(ifs=[branch], default=value.node.copy()), value.type, value.scale)
            case exp.Subquery() | exp.Select():
                query, columns = self.query(node.unnest() if isinstance(node, exp.Subquery) else node, self.scope)
                if len(columns) != 1:
                    raise invalid("syntax error: a subquery used as a value has several columns")
                found = next(iter(columns.values()))
                if found is None:
                    raise unsupported("the type of a subquery")
                return Typed(exp.Subquery(this=query), *found)
            case exp.Exists():
                query, _ = self.query(node.this.unnest(), self.scope)
                return Typed(exp.Exists(this=query), "bool")
            case exp.Filter():
                inner = self(node.this)
                test = operators.boolean(self(node.expression.this), "FILTER")
                where = exp.Where(this=test)
                return Typed(exp.Filter(this=inner.node, expression=where), inner.type, inner.scale)
            case exp.Window():
                return self._window(node)
            case exp.Anonymous() if node.name.upper() == "EVERY" and len(node.expressions) == 1:
                return aggregates.aggregate(exp.LogicalAnd(this=node.expressions[0]), self)
        return calls.function(node, self)

    def _compare(self, node: Node) -> Typed:
        if isinstance(node.this, exp.Tuple) or isinstance(node.expression, exp.Tuple | exp.Any | exp.All):
            raise unsupported("comparison of rows, ANY and ALL")
        if isinstance(node.this, _COMPARISONS) or isinstance(node.expression, _COMPARISONS):
            raise invalid("syntax error: comparisons in a row need brackets")
        return operators.compare(type(node), self(node.this), self(node.expression))

    def _negative(self, node: Node) -> Typed:
        value = coerce(self(node.this), "float8")
        if value.type not in NUMBERS:
            raise unsupported("minus of an interval") if value.type == "interval" else no_operator("operator -", value)
        return Typed(exp.Neg(this=exp.Paren(this=value.node)), value.type, value.scale)

    def _is(self, node: Node) -> Typed:
        value = self(node.this)
        if isinstance(node.expression, exp.Boolean):
            other: Node = exp.Literal.number(int(node.expression.this))
            test = exp.Is(this=operators.boolean(value, "IS"), expression=other)
        elif isinstance(node.expression, exp.Null):
            test = exp.Is(this=value.node, expression=exp.Null())
        else:
            raise unsupported(node.sql("postgres"))
        made: Node = exp.Not(this=exp.Paren(this=test)) if node.args.get("negate") else test
        return Typed(exp.Paren(this=made), "bool")

    def _in(self, node: Node) -> Typed:
        if isinstance(node.this, exp.Tuple) or any(isinstance(e, exp.Tuple) for e in node.expressions):
            raise unsupported("IN of rows")
        left = self(node.this)
        query = node.args.get("query")
        if query is None:
            if not node.expressions:
                raise unsupported(node.sql("postgres"))
            tests = [operators.compare(exp.EQ, left, self(e)).node for e in node.expressions]
            return Typed(exp.Paren(this=exp.or_(*tests, copy=False)), "bool")
        inner, columns = self.query(query.unnest(), self.scope)
        if len(columns) != 1:
            raise invalid("syntax error: subquery has too many columns")
        found = next(iter(columns.values()))
        if found is None:
            raise unsupported("the type of a subquery")
        right = Typed(exp.Null(), found[0])
        left = coerce(left, right.type)
        operators.align(left, right, "=")
        if left.type != right.type and not {left.type, right.type} <= set(NUMBERS):
            raise unsupported(f"IN of {left.type} and {right.type}")
        if left.type == "interval":
            raise unsupported("IN of intervals")
        return Typed(exp.Paren(this=exp.In(this=left.node, query=exp.Subquery(this=inner))), "bool")

    def _like(self, node: Node, escape: str) -> Typed:
        sides = self(node.this), self(node.expression)
        return operators.like(*sides, escape, isinstance(node, exp.ILike), bool(node.args.get("negate")))

    def _case(self, node: Node) -> Typed:
        tests, values = [], []
        for branch in node.args["ifs"]:
            if node.this is not None:
                tests.append(operators.compare(exp.EQ, self(node.this), self(branch.this)).node)
            else:
                tests.append(operators.boolean(self(branch.this), "CASE"))
            values.append(self(branch.args["true"]))
        if node.args.get("default") is not None:
            values.append(self(node.args["default"]))
        values = unify(values, "CASE")
        ifs = [exp.If(this=t, true=v.node) for t, v in zip(tests, values, strict=False)]
        default = values[-1].node if len(values) > len(tests) else None
        return Typed(exp.Case(ifs=ifs, default=default), values[0].type, _common_scale(values))

    def _window(self, node: Node) -> Typed:
        filtered = isinstance(node.this, exp.Filter)
        if filtered or isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) or node.args.get("alias"):
            raise unsupported(f"{node.this.sql_name() if not filtered else 'FILTER'} OVER")
        inner = aggregates.window_function(node.this, self)
        spec = node.args.get("spec")
        if spec is not None and (str(spec.args.get("kind")).upper() != "ROWS" or spec.args.get("exclude")):
            default = spec.args.get("start") == "UNBOUNDED" and spec.args.get("end") == "CURRENT ROW"
            if not default:
                raise unsupported("frames of RANGE and GROUPS")
        fresh = exp.Window(
            this=inner.node,
            partition_by=[self.key(n) for n in node.args.get("partition_by") or []],
            order=self.order(node.args.get("order")),
            spec=spec.copy() if spec is not None else None,
            over="OVER",
        )
        return Typed(fresh, inner.type, inner.scale)

    def key(self, node: Node) -> Node:
        """What rows are grouped, sorted or partitioned by."""
        value = coerce(self(node), "text")
        return operators.interval_key(value).node if value.type == "interval" else value.node

    def order(self, order: Node) -> Node:
        """ORDER BY with PostgreSQL's place for NULLs written out (last, or first where DESC)."""
        if order is None:
            return None
        items = [
            exp.Ordered(this=self.key(o.this), desc=bool(o.args.get("desc")), nulls_first=o.args.get("nulls_first"))
            for o in order.expressions
        ]
        return exp.Order(expressions=items)


def _common_scale(values: list[Typed]) -> int | None:
    scales = {v.scale for v in values}
    return scales.pop() if len(scales) == 1 else None


def _literal(node: Node) -> Typed:
    if isinstance(node, exp.Boolean):
        return Typed(exp.Literal.number(int(node.this)), "bool")
    if isinstance(node, exp.Null) or node.is_string:
        return Typed(node.copy(), UNKNOWN)
    if node.name.isdigit():
        whole = int(node.name)
        if whole >= 2**63:
            raise unsupported("a number that large")
        return Typed(node.copy(), "int4" if whole < 2**31 else "int8")
    exponent = Decimal(node.name).as_tuple().exponent
    return Typed(exp.Literal.number(str(float(node.name))), "numeric", max(0, -int(exponent)))


def _interval(node: Node) -> Typed:
    if not isinstance(node.this, exp.Literal):
        raise unsupported(node.sql("postgres"))
    written = node.this.name + (f" {node.args['unit'].name}" if node.args.get("unit") is not None else "")
    return coerce(Typed(text(written), UNKNOWN), "interval")


def is_sortable(kind: str) -> bool:
    """Whether SQLite sorts values of a type as PostgreSQL does."""
    return kind in (*NUMBERS, *MOMENTS, "text", "bpchar", "bool", "time")
