"""A PostgreSQL query as a SQLite query, clause by clause."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.parsing import invalid, unsupported
from tasks.sql.postgres import grouping, operators
from tasks.sql.postgres.expressions import Expressions
from tasks.sql.postgres.scope import ColumnTypes, Scope
from tasks.sql.postgres.types import Node, Typed, call, coerce, integer, text, unify
from tasks.sql.schema import Schema


def to_sqlite(source: exp.Query, schema: Schema) -> exp.Query:
    """Translate a resolved query.

    Raises:
        Refused: PostgreSQL refuses it ('invalid'), or its answer is not known to be met ('unsupported').
    """
    fresh, columns = _query(source, Scope(schema))
    special = [(i, *found) for i, found in enumerate(columns.values()) if found and found[0] in ("interval", "bpchar")]
    if special and (not isinstance(fresh, exp.Select) or fresh.args.get("distinct") is not None):
        raise unsupported(f"{special[0][1]} in a set operation or with DISTINCT")
    for i, kind, length in special:  # equal intervals may be written differently, CHAR(n) shows its blanks
        projection = fresh.selects[i]
        value = operators.interval_key(Typed(projection.unalias(), "interval")).node
        if kind == "bpchar":
            value = call("pg_pad", "text", projection.unalias(), integer(length or 1), text(" "), integer(0)).node
        projection.replace(exp.alias_(value, projection.alias_or_name, quoted=True))
    translated: exp.Query = fresh
    return translated


def _query(node: Node, outer: Scope) -> tuple[Node, ColumnTypes]:
    scope = outer.inner()
    with_ = node.args.get("with_")
    ctes = [_cte(cte, scope, bool(with_.args.get("recursive"))) for cte in with_.expressions] if with_ else []
    if isinstance(node, exp.SetOperation):
        fresh, columns = _set_operation(node, scope)
    elif isinstance(node, exp.Select):
        fresh, columns = _Select(node, scope).rewrite()
    elif isinstance(node, exp.Subquery):
        fresh, columns = _query(node.this, scope)
    else:
        raise unsupported(type(node).__name__.upper())
    if ctes:
        fresh.set("with_", exp.With(expressions=ctes, recursive=with_.args.get("recursive")))
    return fresh, columns


def _cte(cte: Node, scope: Scope, recursive: bool) -> Node:
    name, names = cte.alias, [c.name for c in cte.args["alias"].columns]
    body = cte.this
    itself = recursive and any(t.name == name and not t.db for t in body.find_all(exp.Table))
    if itself:
        if not isinstance(body, exp.Union):
            raise unsupported("such a recursive query")
        _, columns = _query(body.this, scope)
        scope.ctes[name] = _renamed(columns, names)
    fresh, columns = _query(body, scope)
    columns = _renamed(columns, names)
    if itself and columns != scope.ctes[name]:
        raise invalid("syntax error: the sides of a recursive query have different types")
    scope.ctes[name] = columns
    return exp.CTE(this=fresh, alias=cte.args["alias"].copy())


def _renamed(columns: ColumnTypes, names: list[str]) -> ColumnTypes:
    return dict(zip([*names, *list(columns)[len(names) :]], columns.values(), strict=True)) if names else columns


def _set_operation(node: Node, scope: Scope) -> tuple[Node, ColumnTypes]:
    left, ours = _query(node.this, scope)
    right, theirs = _query(node.expression, scope)
    if len(ours) != len(theirs):
        raise invalid("syntax error: the sides of a set operation have different widths")
    columns: ColumnTypes = {}
    for at, ((name, a), b) in enumerate(zip(ours.items(), theirs.values(), strict=True)):
        if a is None or b is None or (a != b and (_is_bare(node.this, at) or _is_bare(node.expression, at))):
            raise unsupported("the type of a set operation")
        pair = unify([Typed(exp.Null(), *a), Typed(exp.Null(), *b)], "UNION")
        if a[0] != b[0] and pair[0].type in ("timestamp", "timestamptz", "text"):
            raise unsupported(f"UNION of {a[0]} and {b[0]}")
        columns[name] = (pair[0].type, a[1] if a == b else None)
    fresh = type(node)(this=left, expression=right, distinct=node.args.get("distinct"), by_name=False)
    for clause in ("limit", "offset"):
        if node.args.get(clause) is not None:
            fresh.set(clause, node.args[clause].copy())
    order = node.args.get("order")
    if order is not None:
        for item in order.expressions:
            if not isinstance(item.this, exp.Column) and not isinstance(item.this, exp.Literal):
                raise invalid("syntax error: ORDER BY of a set operation takes names of its columns only")
        fresh.set("order", order.copy())
    return fresh, columns


def _is_bare(query: Node, at: int) -> bool:
    """Whether a column of a query is a literal without a type of its own."""
    value = query.selects[at].unalias()
    return isinstance(value, exp.Null) or (isinstance(value, exp.Literal) and value.is_string)


class _Select:
    """One SELECT in translation."""

    def __init__(self, node: Node, scope: Scope) -> None:
        self.node, self.scope = node, scope
        self.typing = Expressions(scope, _query)

    def rewrite(self) -> tuple[Node, ColumnTypes]:
        node = self.node
        for clause in ("laterals", "windows", "qualify", "sample", "pivots", "hint", "into", "locks", "cluster"):
            if node.args.get(clause):
                raise unsupported(clause.upper())
        fresh = exp.Select()
        self._sources(fresh)
        grouping.check(node, self.scope.schema)
        self._filters(fresh)
        columns = self._projections(fresh)
        order = self._order(columns)
        for clause in ("limit", "offset"):
            if node.args.get(clause) is not None:
                fresh.set(clause, node.args[clause].copy())
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            return self._distinct_on(fresh, distinct.args["on"], order), columns
        if distinct is not None:
            if any(found is not None and found[0] == "interval" for found in columns.values()):
                raise unsupported("DISTINCT of intervals")
            fresh.set("distinct", exp.Distinct())
        fresh.set("order", order)
        return fresh, columns

    def _filters(self, fresh: Node) -> None:
        where, group, having = (self.node.args.get(clause) for clause in ("where", "group", "having"))
        if where is not None:
            fresh.set("where", exp.Where(this=operators.boolean(self.typing(where.this), "WHERE")))
        if group is not None:
            fresh.set("group", exp.Group(expressions=[self.typing.key(e) for e in group.expressions]))
        if having is not None:
            fresh.set("having", exp.Having(this=operators.boolean(self.typing(having.this), "HAVING")))
            if group is None and not any(s.find(exp.AggFunc) for s in (*self.node.selects, having)):
                raise unsupported("HAVING without groups")

    def _sources(self, fresh: Node) -> None:
        node = self.node
        first = node.args.get("from_")
        if first is None:
            return
        fresh.set("from_", exp.From(this=self._source(first.this)))
        joins = []
        for join in node.args.get("joins") or []:
            made = exp.Join(this=self._source(join.this), side=join.side or None, kind=join.kind or None)
            if join.args.get("on") is not None:
                made.set("on", operators.boolean(self.typing(join.args["on"]), "JOIN/ON"))
            elif join.args.get("using"):
                raise unsupported("JOIN USING")
            joins.append(made)
        fresh.set("joins", joins)

    def _source(self, source: Node) -> Node:
        name = source.alias_or_name
        if isinstance(source, exp.Table):
            columns = self.scope.table(source.name)
        elif isinstance(source, exp.Subquery):
            inner, columns = _query(source.this, self.scope)
        else:
            raise unsupported(f"{type(source).__name__.upper()} as a table")
        alias = source.args.get("alias")
        names = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if name in self.scope.sources:
            raise invalid(f"syntax error: table name {name} specified more than once")
        self.scope.sources[name] = _renamed(columns, names)
        if isinstance(source, exp.Table):
            if names:
                raise unsupported("a table with renamed columns")
            return source.copy()
        return exp.Subquery(this=inner, alias=alias.copy() if alias is not None else None)

    def _projections(self, fresh: Node) -> ColumnTypes:
        columns: ColumnTypes = {}
        made = []
        for number, projection in enumerate(self.node.selects):
            value = self.typing(projection.unalias())
            value = coerce(value, "text")
            name = projection.alias_or_name or f"_col_{number}"
            made.append(exp.alias_(value.node, name, quoted=True))
            columns[name if name not in columns else f"{name} {number}"] = (value.type, value.scale)
        fresh.set("expressions", made)
        return columns

    def _order(self, columns: ColumnTypes) -> Node:
        order = self.node.args.get("order")
        if order is None:
            return None
        items = []
        shown = {p.unalias().sql() for p in self.node.selects}
        for item in order.expressions:
            key = item.this
            plain = isinstance(key, exp.Column) and not key.table
            if plain and key.name in columns:
                found = columns[key.name]
                value: Node = next(p.unalias() for p in self.node.selects if p.alias_or_name == key.name)
                sorted_by = self.typing.key(value) if found is not None else key.copy()
            elif isinstance(key, exp.Literal) and not key.is_string:
                position = int(key.name) - 1
                if not 0 <= position < len(self.node.selects):
                    raise invalid("syntax error: ORDER BY position is not in the select list")
                sorted_by = self.typing.key(self.node.selects[position].unalias())
            elif isinstance(key, exp.Boolean | exp.Literal | exp.Null):
                raise unsupported("ORDER BY of a constant")
            else:
                known = {name for source in self.scope.sources.values() for name in source}
                if any(not c.table and c.name not in known for c in key.find_all(exp.Column)):
                    raise invalid("syntax error: an alias is not known inside an expression of ORDER BY")
                distinct = self.node.args.get("distinct")
                if distinct is not None and distinct.args.get("on") is None and key.sql() not in shown:
                    raise invalid("syntax error: for SELECT DISTINCT, ORDER BY expressions must be selected")
                sorted_by = self.typing.key(key)
            first = item.args.get("nulls_first")
            items.append(exp.Ordered(this=sorted_by, desc=bool(item.args.get("desc")), nulls_first=first))
        return exp.Order(expressions=items)

    def _distinct_on(self, fresh: Node, on: Node, order: Node) -> Node:
        """The first row of each group, by ROW_NUMBER."""
        if self.node.args.get("group") or any(p.find(exp.Window) for p in self.node.selects):
            raise unsupported("DISTINCT ON with GROUP BY or windows")
        keys = [self.typing.key(e) for e in (on.expressions if isinstance(on, exp.Tuple) else [on.unnest()])]
        sorts = order.expressions if order is not None else []
        first = {s.this.sql() for s in sorts[: len(keys)]}
        if not first <= {k.sql() for k in keys}:
            raise invalid("syntax error: DISTINCT ON expressions must match the first of ORDER BY")
        number = exp.Window(
            this=exp.RowNumber(), partition_by=keys, order=order.copy() if order is not None else None, over="OVER"
        )
        extra = [exp.alias_(number, "row in group", quoted=True)]
        extra += [exp.alias_(s.this.copy(), f"sort {i}", quoted=True) for i, s in enumerate(sorts)]
        names = [p.alias_or_name for p in fresh.selects]
        limits = {clause: fresh.args.pop(clause, None) for clause in ("limit", "offset")}
        fresh.set("expressions", [*fresh.selects, *extra])
        outer = exp.select(*(exp.column(n, table="first rows", quoted=True) for n in names), copy=False)
        outer = outer.from_(exp.Subquery(this=fresh, alias=exp.TableAlias(this=exp.to_identifier("first rows", True))))
        outer = outer.where(exp.EQ(this=exp.column("row in group", quoted=True), expression=exp.Literal.number(1)))
        if sorts:
            kept = [
                exp.Ordered(
                    this=exp.column(f"sort {i}", quoted=True), desc=s.args["desc"], nulls_first=s.args["nulls_first"]
                )
                for i, s in enumerate(sorts)
            ]
            outer.set("order", exp.Order(expressions=kept))
        for clause, value in limits.items():
            if value is not None:
                outer.set(clause, value)
        return outer
