"""A query of the rows' dialect as a SQLite query with the same answer, or a refusal that says why not.

MySQL's rules are rewritten here (`rewrites`, `comparisons`, `structure`), PostgreSQL's in `postgres`; SQLite's own
queries run as they are (`native`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from tasks.sql import comparisons, function_rewrites, native, rewrites, structure
from tasks.sql.exactness import is_exact
from tasks.sql.foreign import refuse_foreign_words
from tasks.sql.functions import moment
from tasks.sql.parsing import invalid, parse_query, unsupported
from tasks.sql.postgres import names
from tasks.sql.postgres.translate import to_sqlite
from tasks.sql.rewrites import Node, as_number, as_text, call, family_of, now_literal, typed
from tasks.sql.schema import Schema

# What means the same in both engines as it stands; anything outside this list and the rewrites is refused.
PLAIN: tuple[type[exp.Expr], ...] = (
    *(exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit),
    *(exp.Offset, exp.Distinct, exp.Subquery, exp.Union, exp.Intersect, exp.Except, exp.With, exp.CTE),
    *(exp.TableAlias, exp.Alias, exp.Table, exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean),
    *(exp.Star, exp.And, exp.Or, exp.Not, exp.Paren, exp.Is, exp.If, exp.Coalesce, exp.Exists, exp.Tuple),
    *(exp.Var, exp.DataType, exp.DataTypeParam, exp.Window, exp.WindowSpec, exp.RowNumber, exp.Rank),
    *(exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue),
    *(exp.PercentRank, exp.CumeDist, exp.Neg, exp.Abs),
)
SPREADS = (exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)
DIALECTS = ("mysql", "postgres", "sqlite")
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ)


@dataclass(frozen=True)
class Translated:
    """A query ready for SQLite.

    Attributes:
        sql: SQLite text.
        flipped: the same query, groups that its ORDER BY leaves tied in the other order.
        source: the query with every column qualified, before any rewrite.
        ordered: whether it orders its rows at the top level.
        width: number of columns it answers with.
        merges: whether it groups, so that one spelling of a text may stand for others.
    """

    sql: str
    flipped: str
    source: exp.Query
    ordered: bool
    width: int
    merges: bool


def resolve(sql: str, schema: Schema, dialect: str, own_words: bool = True) -> exp.Query:
    """Parse a query and resolve every table and column against the schema.

    With `own_words` functions and operators must be known to be the dialect's own; a real server says so itself.

    Raises:
        Refused: not one read-only query, or it names something the schema does not have.
    """
    if dialect not in DIALECTS:
        raise unsupported(f"execution of {dialect} queries")
    tree = parse_query(sql, dialect)
    if own_words:
        refuse_foreign_words(sql, tree, dialect)
    if dialect == "sqlite":
        native.frozen(sql)  # refuses what it cannot freeze
        native.quoted_texts(tree, sql, schema)
    if dialect == "postgres":
        names.refuse_other_case(tree, schema)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
        identifier.set("quoted", True)
    structure.refuse_foreign_syntax(tree, dialect)
    structure.known_tables(tree, schema)
    if dialect != "sqlite":
        structure.refuse_where_aliases(tree, schema, ("where",) if dialect == "mysql" else ("where", "having"))
    try:
        return qualify(tree, schema=schema.mapping, dialect=dialect)
    except SqlglotError as error:
        raise _unresolved(str(error), schema) from None
    except (RecursionError, KeyError, AttributeError, TypeError, ValueError, IndexError) as error:
        raise unsupported(f"query that cannot be resolved ({type(error).__name__})") from None


def _unresolved(message: str, schema: Schema) -> Exception:
    found = re.search(r"Column '([^']*)' could not be resolved(?: for table: '([^']*)')?", message)
    found = found or re.search(r"Unknown column: (\S+)", message)
    if not found:
        table = re.search(r"Unknown table: (\S+)", message)
        first = message.split("\n", 1)[0]
        return invalid(f"unknown table: {table.group(1)}" if table else f"syntax error: {first}")
    name = found.group(1)
    holders = [t.name for t in schema.tables.values() if name in t.columns]
    detail = " (ambiguous, or its table is not in the query)" if holders else ""
    return invalid(f"unknown column: {name}{detail}")


def translate(sql: str, schema: Schema, dialect: str) -> Translated:
    """Translate one query of 'mysql', 'postgres' or 'sqlite' to SQLite.

    Raises:
        Refused: it is wrong ('invalid'), or its faithful answer is not known ('unsupported').
    """
    source = resolve(sql, schema, dialect)
    try:
        written, flipped = _written(source, sql, schema, dialect)
    except (SqlglotError, RecursionError, KeyError, AttributeError, TypeError, ValueError, IndexError) as error:
        raise unsupported(f"query that cannot be rewritten ({type(error).__name__}: {error})") from None
    ordered = source.args.get("order") is not None
    merges = dialect == "mysql" and source.find(exp.Group, exp.Distinct, exp.SetOperation) is not None
    return Translated(written, flipped, source, ordered, len(source.selects), merges)


def _written(source: exp.Query, sql: str, schema: Schema, dialect: str) -> tuple[str, str]:
    """SQLite's text of a query, twice: tied groups in one order and in the other."""
    if dialect == "sqlite":
        text = native.frozen(sql)
        turned = parse_query(text, "sqlite")
        flipped = structure.break_ties(turned, True).sql("sqlite", comments=False) if _may_tie(turned) else text
        return text, flipped
    if dialect == "mysql":
        tree = annotate_types(source.copy(), schema=schema.mapping, dialect=dialect)
        structure.note_columns(tree, schema)
        structure.bare_columns(tree)
        tree = _rewrite_all(tree)
        structure.finish(tree)
    else:
        tree = to_sqlite(source, schema)
        structure.shared_clauses(tree)
    if not _may_tie(tree):
        text = tree.sql("sqlite", comments=False)
        return text, text
    first, second = (structure.break_ties(tree, turned).sql("sqlite", comments=False) for turned in (False, True))
    return first, second


def _may_tie(tree: exp.Query) -> bool:
    """Whether it sorts or cuts groups."""
    selects = tree.find_all(exp.Select)
    return any(s.args.get("group") and (s.args.get("order") or s.args.get("limit")) for s in selects)


def _rewrite_all(tree: exp.Query) -> exp.Query:
    root = exp.Paren(this=tree)  # so that the query itself has a parent
    for node in reversed(list(tree.walk(bfs=False))):
        if node is tree:
            continue
        fresh = _rewrite(node)
        if fresh is not node:
            node.replace(fresh)
    rewritten: exp.Query = root.this
    return rewritten


def _rewrite(node: Node) -> Node:  # noqa: C901  (a table of cases)
    fresh = rewrites.simple(node)
    if fresh is not None:
        return _shown_spread(fresh) if isinstance(node, SPREADS) else fresh
    match node:
        case exp.Cast():
            return rewrites.cast(node)
        case exp.In():
            return comparisons.is_in(node)
        case exp.Between():
            return comparisons.between(node)
        case exp.Case():
            _one_family(node)
            return comparisons.case(node)
        case exp.Nullif():
            return comparisons.nullif(node)
        case exp.Like():
            return comparisons.like(node)
        case exp.Escape():
            return node
        case exp.Xor():
            sides = [exp.Paren(this=exp.Not(this=exp.Paren(this=s.copy()))) for s in (node.this, node.expression)]
            return typed(exp.Paren(this=exp.NEQ(this=sides[0], expression=sides[1])), "int")
        case exp.TimeToStr():
            return rewrites.date_format(node)
        case exp.TsOrDsToTimestamp():
            return node
        case exp.GroupConcat():
            return rewrites.group_concat(node)
        case exp.Round():
            return rewrites.rounded("my_round")(node)
        case exp.Trunc():
            return rewrites.rounded("my_truncate")(node)
        case exp.Interval():
            return node
        case exp.CurrentDate() | exp.UtcDate():
            return now_literal("date")
        case exp.CurrentTimestamp() | exp.Localtime() | exp.Localtimestamp() | exp.CurrentDatetime():
            return now_literal("datetime")
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Mod():
            return _arithmetic(node)
        case exp.Sum() | exp.Avg() | exp.Min() | exp.Max() | exp.Count():
            return _aggregate(node)
        case exp.DateAdd() | exp.DateSub() | exp.TimestampAdd() | exp.TimestampDiff() | exp.Extract():
            return function_rewrites.dates(node)
        case exp.Hour() | exp.Minute() | exp.Second() | exp.Time():
            if family_of(node.this) == "text" and not (isinstance(node.this, exp.Literal) and moment(node.this.name)):
                raise unsupported(f"{node.sql_name()} of a text")
            name = "my_" + type(node).__name__.lower()
            kind = "time" if name == "my_time" else "int"
            return call(name, kind, rewrites.as_moment(node.this))
        case exp.Anonymous():
            return function_rewrites.named(node)
        case exp.Func() if not isinstance(node, PLAIN):
            return function_rewrites.texts(node)
    if isinstance(node, COMPARISONS):
        return comparisons.binary(node)
    if not isinstance(node, PLAIN):
        raise unsupported(type(node).__name__.upper())
    if isinstance(node, exp.Neg | exp.Abs):
        node.this.replace(as_number(node.this).copy())
    if isinstance(node, exp.If | exp.Coalesce):
        _one_family(node)
    return node


def _one_family(node: Node) -> None:
    """Branches of IF and COALESCE (and CASE, whose branches are IFs): numbers beside texts become texts."""
    if isinstance(node, exp.If) and isinstance(node.parent, exp.Case):
        return
    branches = [node.this, *node.expressions]
    if isinstance(node, exp.If):
        branches = [node.args.get("true"), node.args.get("false")]
    if isinstance(node, exp.Case):
        branches = [*(i.args["true"] for i in node.args["ifs"]), node.args.get("default")]
    branches = [b for b in branches if b is not None]
    kinds = {family_of(b) for b in branches} - {"null"}
    if len(kinds) <= 1 or kinds == {"int", "real"}:
        return
    if None in kinds or "text" not in kinds:
        raise unsupported(f"values of several types in {node.sql('mysql')}")
    for branch in branches:
        if family_of(branch) in ("int", "real"):
            branch.replace(call("my_concat", "text", as_text(branch)))
    typed(node, "text")


def _arithmetic(node: Node) -> Node:
    sign = {exp.Add: 1, exp.Sub: -1}.get(type(node))
    left, right = node.this, node.expression
    if sign == 1 and isinstance(left, exp.Interval):
        left, right = right, left
    if isinstance(right, exp.Interval) and sign is not None:
        return rewrites.shifted(left, right.this, right.args["unit"], sign)
    if isinstance(node, exp.Mod):
        return call("my_mod", "real", as_number(left.unnest()), as_number(right.unnest()))
    for side in (left, right):
        comparisons.put(side, as_number(side))
    if isinstance(node, exp.Div):
        if any(side.find(exp.Div) and is_exact(side) for side in (node.this, node.expression)):
            raise unsupported("a quotient of quotients, whose digits MySQL cuts")
        if family_of(node.this) == "real":  # SQLite would divide two integers as such
            node.this.replace(call("my_real", "real", node.this))
    real = isinstance(node, exp.Div) or "real" in (family_of(node.this), family_of(node.expression))
    if real and type(node) in _SIGNS and is_exact(node):
        return _exact(node)
    return typed(node, "real" if real else "int")


def _shown_spread(node: Node) -> Node:
    """Spreads of exact numbers have four decimals more than these."""
    operand = node.expressions[0]
    scale = 0 if family_of(operand) == "int" else operand.unnest().meta.get("scale")
    return node if scale is None else call("my_round", "real", node, rewrites.integer(scale + 4))


_SIGNS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}


def _exact(node: Node) -> Node:
    """+ - * of DECIMALs, where 0.1 + 0.2 is 0.3."""
    made = call("my_exact", "real", rewrites.text(_SIGNS[type(node)]), node.this, node.expression)
    scales = [0 if family_of(s) == "int" else s.unnest().meta.get("scale") for s in (node.this, node.expression)]
    for at, side in enumerate((node.this, node.expression)):
        if isinstance(side, exp.Literal) and "." in side.name:
            scales[at] = len(side.name.split(".")[1])
    if None not in scales:
        made.meta["scale"] = sum(scales) if isinstance(node, exp.Mul) else max(scales)
    return made


def _aggregate(node: Node) -> Node:
    inner = node.this
    if node.expressions:
        raise unsupported(node.sql("mysql"))
    if isinstance(inner, exp.Distinct):
        if isinstance(node, exp.Count) and len(inner.expressions) > 1:
            key = call("my_tuple", "text", *inner.expressions)
            inner.set("expressions", [key])
        elif isinstance(node, exp.Sum | exp.Avg):
            inner.set("expressions", [as_number(e).copy() for e in inner.expressions])
        else:
            inner.set("expressions", [structure.folded(e).copy() for e in inner.expressions])
        return node
    if isinstance(node, exp.Sum | exp.Avg):
        inner.replace(as_number(inner).copy())
        if isinstance(node, exp.Sum) and family_of(node.this) == "real" and is_exact(node.this):
            made = call("my_sum", "real", node.this)
            made.meta.update({k: v for k, v in node.this.unnest().meta.items() if k == "scale"})
            return made
    elif isinstance(node, exp.Min | exp.Max):
        if node.meta.get("neutral"):
            return rewrites.with_type(call("my_" + type(node).__name__.lower(), "text", inner), node)
        inner.replace(structure.folded(inner).copy())
    scale = node.this.unnest().meta.get("scale")
    if scale is not None and not isinstance(node, exp.Count | exp.Avg):
        node.meta["scale"] = scale
    return node
