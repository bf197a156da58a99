"""What is checked and rewritten clause by clause: scopes, grouping, set operations, scalar subqueries."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.comparisons import collated
from tasks.sql.exactness import is_exact
from tasks.sql.parsing import invalid, unsupported
from tasks.sql.rewrites import Node, call, family_of, typed
from tasks.sql.schema import Column, Schema

MAX_LIMIT = 2**31


def refuse_foreign_syntax(tree: exp.Query, dialect: str) -> None:
    """Refuse what sqlglot reads but the dialect does not know, and what is not translated."""
    for join in tree.find_all(exp.Join):
        _refuse_join(join, dialect)
    for group in tree.find_all(exp.Group):
        if any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets", "totals")):
            raise unsupported("GROUP BY WITH ROLLUP")
    for select in tree.find_all(exp.Select):
        if select.args.get("windows"):
            raise unsupported("WINDOW clause")
        if dialect == "mysql" and (select.args.get("qualify") or select.args.get("distinct_on")):
            raise invalid("syntax error: not known to MySQL")
    for subquery in tree.find_all(exp.Subquery):
        if isinstance(subquery.parent, exp.From | exp.Join) and not subquery.alias and dialect != "sqlite":
            if dialect == "postgres":  # it takes them since version 16
                raise unsupported("a derived table without an alias")
            raise invalid("syntax error: every derived table must have its own alias")


def _refuse_join(join: exp.Join, dialect: str) -> None:
    if dialect == "mysql" and join.side == "FULL":
        raise invalid("syntax error: MySQL has no FULL JOIN")
    if join.args.get("method") or join.kind not in ("", "INNER", "OUTER", "CROSS"):
        raise unsupported(f"{join.args.get('method') or join.kind} JOIN")
    if join.side in ("LEFT", "RIGHT") and not (join.args.get("on") or join.args.get("using")):
        raise invalid(f"syntax error: {join.side} JOIN without ON")


def known_tables(tree: exp.Query, schema: Schema) -> None:
    """Refuse tables the schema does not have.

    Raises:
        Refused: names the table.
    """
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise unsupported(f"{table.sql('mysql')[:40]} as a table")
        if table.args.get("db") or (table.name not in schema.tables and table.name not in defined):
            raise invalid(f"unknown table: {table.sql('mysql').replace('`', '')}"[:80])


def refuse_where_aliases(tree: exp.Query, schema: Schema, clauses: tuple[str, ...]) -> None:
    """SELECT aliases are not known in WHERE, nor in PostgreSQL's HAVING; sqlglot would put their expression there."""
    for clause in clauses:
        _refuse_aliases(tree, schema, clause)


def _refuse_aliases(tree: exp.Query, schema: Schema, name: str) -> None:
    for select in tree.find_all(exp.Select):
        aliases = {p.alias for p in select.selects if isinstance(p, exp.Alias)}
        clause = select.args.get(name)
        if not aliases or clause is None:
            continue
        sources = [s.this for s in (select.args.get("from_"), *select.args.get("joins", [])) if s is not None]
        if not all(isinstance(s, exp.Table) and s.name in schema.tables for s in sources):
            continue
        known = {c for s in sources for c in schema.tables[s.name].columns}
        for column in clause.find_all(exp.Column):
            own = column.find_ancestor(exp.Select) is select
            if own and not column.table and column.name in aliases - known and select.parent_select is None:
                raise invalid(f"unknown column: {column.name} (an alias is not known in {name.upper()})")


def note_columns(tree: exp.Query, schema: Schema) -> None:
    """Write scale, exactness and ENUM values of base columns on the tree's columns, for later rewrites."""
    for column in tree.find_all(exp.Column):
        base = base_column(column, schema)
        column.meta["exact"] = _is_exact(column, base, schema, 0)
        if base is not None and base.scale is not None:
            column.meta["scale"] = base.scale
        if base is not None and base.unsigned:
            column.meta["unsigned"] = True
        if base is not None and base.values:
            column.meta["values"] = base.values


def _is_exact(column: exp.Column, base: Column | None, schema: Schema, depth: int) -> bool:
    """Whether a column holds exact numbers, looked up through derived tables and CTEs."""
    if base is not None:
        return base.family != "real" or base.scale is not None
    query = _source_query(column)
    if query is None or depth > 10:
        return False
    for projection in query.selects:
        if projection.alias_or_name == column.name:
            for inner in projection.find_all(exp.Column):
                inner.meta["exact"] = _is_exact(inner, base_column(inner, schema), schema, depth + 1)
            return is_exact(projection.unalias())
    return False


def _source_query(column: exp.Column) -> Node:
    """The derived table or CTE that a qualified column reads."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        for part in (select.args.get("from_"), *select.args.get("joins", [])):
            source = part.this if part is not None else None
            if source is not None and source.alias_or_name == column.table:
                if isinstance(source, exp.Subquery):
                    return source.unnest()
                ctes = [c for c in column.root().find_all(exp.CTE) if c.alias == source.name]
                return ctes[0].this if ctes else None
        select = select.parent_select
    return None


def base_column(column: exp.Column, schema: Schema) -> Column | None:
    """The schema's column that a qualified column of a query reads directly, if it does."""
    table = source_table(column)
    found = schema.tables.get(table) if table else None
    return found.columns.get(column.name) if found else None


def source_table(column: exp.Column) -> str | None:
    """Name of the base table behind a qualified column, following aliases outwards through scopes."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        for part in (select.args.get("from_"), *select.args.get("joins", [])):
            source = part.this if part is not None else None
            if source is not None and source.alias_or_name == column.table:
                return source.name if isinstance(source, exp.Table) else None
        select = select.parent_select
    return None


def bare_columns(tree: exp.Query) -> None:
    """Look for columns that are neither grouped nor aggregated beside aggregates.

    Without GROUP BY they are an error (1140, in MySQL's default mode). With it they may depend on the group; if they
    do not they are arbitrary, which two insertion orders show, unless MIN or MAX stands beside them: SQLite would
    take them from the row of the extreme, so these are marked for functions of our own.
    """
    for select in tree.find_all(exp.Select):
        clauses = [
            c for c in (*select.expressions, select.args.get("having"), select.args.get("order")) if c is not None
        ]
        found = [n for c in clauses for n in c.find_all(exp.AggFunc) if n.parent_select is select]
        aggregates = [n for n in found if not isinstance(n.parent, exp.Window)]
        group = select.args.get("group")
        if not aggregates:
            continue
        bare = [
            column
            for clause in clauses
            for column in clause.find_all(exp.Column)
            if column.table and column.parent_select is select and not column.find_ancestor(exp.AggFunc, exp.Window)
            if group is None or column not in group.expressions
        ]
        if bare and group is None:
            raise invalid(f"syntax error: {bare[0].name} is neither grouped nor aggregated")
        for node in aggregates if bare else []:
            if isinstance(node, exp.Min | exp.Max):
                node.meta["neutral"] = True


def folded(node: Node) -> Node:
    """A text expression that groups, sorts and counts without case; plain columns do so by themselves."""
    return node if isinstance(node, exp.Column) else collated(node)


def finish(tree: exp.Query) -> None:
    """The rewrites that look at whole clauses, in place, once all expressions are rewritten."""
    leftover = tree.find(exp.Interval, exp.TsOrDsToTimestamp)
    if leftover is not None:
        raise unsupported(leftover.sql("mysql"))
    shared_clauses(tree)
    for select in tree.find_all(exp.Select):
        _clauses(select)


def shared_clauses(tree: exp.Query) -> None:
    """What SQLite does otherwise than MySQL and PostgreSQL alike: scalar subqueries, set operations, LIMIT."""
    for subquery in list(tree.find_all(exp.Subquery)):
        if not isinstance(subquery.parent, exp.From | exp.Join | exp.In | exp.SetOperation | exp.CTE | exp.Exists):
            _only_row(subquery)
    for operation in list(tree.find_all(exp.SetOperation)):
        _branches(operation)
    for limit in tree.find_all(exp.Limit, exp.Offset):
        count = limit.expression
        if not (isinstance(count, exp.Literal) and count.name.isdigit()):
            raise invalid("syntax error: LIMIT must be a number")


def break_ties(tree: exp.Query, descending: bool) -> exp.Query:
    """A copy whose sorted or cut groups are tied in the order of their keys, or the other way round.

    SQLite makes groups in the same order however the rows are stored, which would hide that an answer is arbitrary.
    """
    tree = tree.copy()
    for select in tree.find_all(exp.Select):
        group, order = select.args.get("group"), select.args.get("order")
        if group is None or not (order or select.args.get("limit")):
            continue
        keys = [exp.Ordered(this=k.copy(), desc=descending, nulls_first=not descending) for k in group.expressions]
        select.set("order", exp.Order(expressions=[*(order.expressions if order else []), *keys]))
    return tree


def _refuse_odd_clauses(select: exp.Select) -> None:
    group, order, where = (select.args.get(clause) for clause in ("group", "order", "where"))
    keys = [k for k in (group.expressions if group is not None else []) if k.find(exp.Boolean)]
    keys += [o.this for o in order.expressions] if order is not None else []
    reads = (exp.Column, exp.AggFunc, exp.Select, exp.Window)
    if any(not isinstance(k, exp.Literal) and k.find(*reads) is None for k in keys):
        raise unsupported("rows grouped or sorted by a constant")
    if where is not None and family_of(where.this) == "time":
        raise unsupported("a time as a condition")


def _clauses(select: exp.Select) -> None:
    for projection in select.selects:
        inner = projection.unalias()
        if not isinstance(inner, exp.Column | exp.Literal | exp.Star):
            inner.replace(collated(inner))
    _refuse_odd_clauses(select)
    group = select.args.get("group")
    for item in list(group.expressions) if group is not None else []:
        item.replace(folded(item))
    for order in select.find_all(exp.Ordered):
        if order.find_ancestor(exp.Select) is select:
            order.this.replace(_sort_key(order.this, select))
    for window in select.find_all(exp.Window):
        for item in list(window.args.get("partition_by") or []):
            item.replace(folded(item))
    having = select.args.get("having")
    if having is not None and group is None and not any(s.find(exp.AggFunc) for s in (*select.selects, having)):
        # MySQL's HAVING without groups filters rows.
        select.set("having", None)
        select.where(having.this, copy=False)


def _sort_key(node: Node, select: exp.Select) -> Node:
    values = node.meta.get("values")
    if values is None and isinstance(node, exp.Column) and not node.table:
        aliased = {p.alias: p.unalias() for p in select.selects}
        values = aliased[node.name].meta.get("values") if node.name in aliased else None
    if values is None:
        return folded(node)
    # An ENUM sorts by the position of its value.
    ranks = [
        exp.If(this=exp.EQ(this=node.copy(), expression=exp.Literal.string(v)), true=exp.Literal.number(i))
        for i, v in enumerate(values, 1)
    ]
    return typed(exp.Case(ifs=ranks), "int")


def _only_row(subquery: Node) -> None:
    """Make a scalar subquery with a second row fail, as MySQL does."""
    select: Node = subquery.this
    if len(select.selects) != 1:
        raise invalid("syntax error: a subquery used as a value has several columns")
    limit = select.args.get("limit")
    if limit is not None and limit.expression.name in ("0", "1"):
        return
    aggregates = [n for n in select.selects[0].find_all(exp.AggFunc, exp.Anonymous) if n.parent_select is select]
    plain = isinstance(select, exp.Select) and not select.args.get("group")
    if plain and any(isinstance(a, exp.AggFunc) and not isinstance(a.parent, exp.Window) for a in aggregates):
        return
    projection = select.selects[0]
    kind = family_of(projection.unalias()) or ""
    simple = plain and not any(select.args.get(k) for k in ("distinct", "having", "limit", "offset"))
    if simple and not aggregates and not select.find(exp.Window):
        select.set("order", None)
        projection.unalias().replace(call("my_only_row", kind, projection.unalias()))
    else:
        name = projection.alias_or_name
        column = exp.column(name, table="only_row", quoted=True)
        outer = exp.select(call("my_only_row", kind, column)).from_(subquery.this.subquery("only_row"))
        subquery.set("this", outer)
    if kind == "text":
        subquery.replace(collated(subquery))


def _branches(operation: exp.SetOperation) -> None:
    """SQLite takes no brackets and no ORDER BY or LIMIT inside a set operation."""
    if not operation.args.get("distinct") and not isinstance(operation, exp.Union):
        raise unsupported("INTERSECT ALL and EXCEPT ALL")
    if len(operation.this.selects) != len(operation.expression.selects):
        raise invalid("syntax error: the sides of a set operation have different widths")
    for side in ("this", "expression"):
        branch = operation.args[side]
        inner: Node = branch.unnest() if isinstance(branch, exp.Subquery) else branch
        bare = isinstance(inner, exp.Select) and not any(inner.args.get(k) for k in ("order", "limit", "with_"))
        left_chain = side == "this" and isinstance(inner, exp.SetOperation) and branch is inner
        if bare:
            operation.set(side, inner)
        elif not left_chain:
            operation.set(side, exp.select("*").from_(inner.subquery("branch")))
