"""The tables a context (DDL) describes: columns, types, keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from sqlglot import exp
from sqlglot.schema import MappingSchema

from tasks.sql import ddl
from tasks.sql.parsing import invalid, parse_statements, unsupported

DType = exp.DType
INTEGERS = exp.DataType.INTEGER_TYPES | {DType.BOOLEAN, DType.YEAR, DType.BIT}
REALS = exp.DataType.REAL_TYPES | {DType.UDECIMAL, DType.UDOUBLE}
TEXTS = exp.DataType.TEXT_TYPES | {
    DType.TINYTEXT,
    DType.MEDIUMTEXT,
    DType.LONGTEXT,
    DType.ENUM,
    DType.NAME,
}
DATETIMES = {
    DType.DATETIME,
    DType.DATETIME2,
    DType.TIMESTAMP,
    DType.TIMESTAMPTZ,
    DType.TIMESTAMPLTZ,
    DType.TIMESTAMPNTZ,
}


def family(type_: exp.DataType | None) -> str | None:
    """'int', 'real', 'text', 'date', 'datetime', 'time', 'null', or None for a type we know nothing of."""
    if type_ is None:
        return None
    kind = type_.this
    if kind in INTEGERS:
        return "int"
    if kind in REALS:
        return "real"
    if kind in TEXTS:
        return "text"
    if kind in DATETIMES:
        return "datetime"
    return {DType.DATE: "date", DType.TIME: "time", DType.NULL: "null"}.get(kind)


@dataclass(frozen=True)
class Column:
    """One column; `largest` number, `length` of a text, `scale` of a DECIMAL, `values` of an ENUM, `declared` type."""

    name: str
    type: str
    family: str
    nullable: bool = True
    unsigned: bool = False
    boolean: bool = False
    year: bool = False
    largest: float = 10.0**15
    length: int | None = None
    scale: int | None = None
    values: tuple[str, ...] = ()
    declared: str = ""


@dataclass(frozen=True)
class ForeignKey:
    """Columns that repeat the values of another table's columns."""

    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table; `unique` holds the primary key, too."""

    name: str
    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...]


@dataclass(frozen=True)
class Schema:
    """All tables of a context, names in lower case, in the order they are written.

    `dialect` is the context's own; `cased` holds quoted names with capitals, which PostgreSQL takes as they are.
    """

    tables: dict[str, Table]
    dialect: str = "mysql"
    cased: frozenset[str] = frozenset()

    def types(self) -> dict[str, object]:
        """As sqlglot's optimizer takes it: {table: {column: type}}."""
        return {t.name: {c.name: c.type for c in t.columns.values()} for t in self.tables.values()}

    @cached_property
    def mapping(self) -> MappingSchema:
        """`types` as the optimizer keeps them, made once for all queries."""
        return MappingSchema(self.types(), dialect=self.dialect)


@lru_cache(maxsize=256)
def parse_schema(context: str, dialect: str) -> Schema:
    """Read the CREATE TABLE statements of a context; INSERT, SET, COMMENT and CREATE INDEX are passed over.

    Raises:
        Refused: it does not parse, has no table, names a table or column twice, has a key over columns that do not
            exist, or has views.
    """
    tables: dict[str, Table] = {}
    later: list[tuple[str, exp.ForeignKey]] = []
    cased: set[str] = set()
    statements = parse_statements(context, dialect)
    ddl.refuse_stray_commas(context, dialect)
    for statement in statements:
        ddl.refuse_statement(statement, dialect)
        if isinstance(statement, exp.Alter):
            name = statement.this.name.lower()
            later += [(name, key) for key in statement.find_all(exp.ForeignKey)]
        if not isinstance(statement, exp.Create) or str(statement.args["kind"]).upper() in {"INDEX", "DATABASE"}:
            continue
        if statement.args["kind"] != "TABLE" or not isinstance(statement.this, exp.Schema):
            raise unsupported(f"CREATE {statement.args['kind']} in the context")
        ddl.refuse_table(statement.this, dialect)
        cased |= {i.name for i in statement.find_all(exp.Identifier) if i.quoted and i.name != i.name.lower()}
        table = _table(statement.this, dialect)
        if table.name in tables:
            raise invalid(f"table {table.name} twice")
        tables[table.name] = table
    if not tables:
        raise invalid("no CREATE TABLE")
    for name, key in later:
        if name in tables:
            keys = (*tables[name].foreign_keys, _foreign_key(_names(key.expressions), key.args["reference"]))
            tables[name] = replace(tables[name], foreign_keys=keys)
    return Schema({name: _resolve(table, tables) for name, table in tables.items()}, dialect, frozenset(cased))


def _table(schema: exp.Schema, dialect: str) -> Table:
    name = schema.this.name.lower()
    columns: dict[str, Column] = {}
    primary: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = []
    foreign: list[ForeignKey] = []
    for item in schema.expressions:
        if isinstance(item, exp.Identifier):  # SQLite's column without a type
            item = exp.ColumnDef(this=item.copy())
        if isinstance(item, exp.ColumnDef):
            column = _column(item, dialect)
            if column.name in columns:
                raise invalid(f"column {name}.{column.name} twice")
            columns[column.name] = column
        for kind, names, reference in _constraints(item):
            if kind == "primary":
                primary = names
            elif kind == "unique":
                unique.append(names)
            else:
                foreign.append(_foreign_key(names, reference))
    for key in primary:
        if key in columns:
            columns[key] = replace(columns[key], nullable=False)
    keys = dict.fromkeys(k for k in (primary, *unique) if k and all(c in columns for c in k))
    return Table(name, columns, primary, tuple(keys), tuple(foreign))


def _constraints(item: exp.Expr) -> Iterator[tuple[str, tuple[str, ...], exp.Expr | None]]:
    """Keys in a column's or a table's definition: what it is, its columns, what it refers to."""
    if isinstance(item, exp.ColumnDef):
        own = (item.name.lower(),)
        for constraint in item.find_all(exp.ColumnConstraint):
            if isinstance(constraint.kind, exp.PrimaryKeyColumnConstraint):
                yield "primary", own, None
            elif isinstance(constraint.kind, exp.UniqueColumnConstraint):
                yield "unique", own, None
            elif isinstance(constraint.kind, exp.Reference):
                yield "foreign", own, constraint.kind
        return
    for part in item.find_all(exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey):
        if isinstance(part, exp.PrimaryKey):
            yield "primary", _names(part.expressions), None
        elif isinstance(part, exp.ForeignKey):
            yield "foreign", _names(part.expressions), part.args["reference"]
        elif isinstance(part.this, exp.Schema):
            yield "unique", _names(part.this.expressions), None


def _column(item: exp.ColumnDef, dialect: str) -> Column:
    type_ = item.args.get("kind")
    # A column whose type is missing or unheard of holds text: that is what such contexts mean by it.
    kind = (family(type_) if isinstance(type_, exp.DataType) else None) or "text"
    sizes = [int(p.name) for p in type_.expressions if p.name.isdigit()] if type_ is not None else []
    is_enum = type_ is not None and type_.this == DType.ENUM
    constraints = [c.kind for c in item.find_all(exp.ColumnConstraint)]
    not_null = any(isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints)
    is_tiny = type_ is not None and type_.this == DType.TINYINT and sizes == [1]
    return Column(
        name=item.name.lower(),
        type=_PLAIN_TYPES[kind],
        family=kind,
        nullable=not not_null,
        unsigned=type_ is not None and type_.this.value.startswith("U"),
        boolean=is_tiny or (type_ is not None and type_.this == DType.BOOLEAN),
        year=type_ is not None and type_.this == DType.YEAR,
        largest=_largest(type_, sizes),
        length=sizes[0] if kind == "text" and sizes and not is_enum else None,
        scale=_scale(type_, sizes) if kind == "real" else None,
        values=tuple(v.name for v in type_.expressions) if is_enum and type_ is not None else (),
        # SQLite's affinities follow from the words that are written, which sqlglot's SQLite would change.
        declared=_text_of_type(type_, "" if dialect == "sqlite" else dialect) if type_ is not None else "",
    )


@lru_cache(maxsize=256)  # a schema has many columns of few types, and writing one takes as long as parsing it
def _text_of_type(type_: exp.DataType, dialect: str) -> str:
    return str(type_.sql(dialect))


_PLAIN_TYPES = {
    "int": "BIGINT",
    "real": "DOUBLE",
    "text": "TEXT",
    "date": "DATE",
    "datetime": "DATETIME",
    "time": "TIME",
}


_BITS = {"TINYINT": 7, "SMALLINT": 15, "MEDIUMINT": 23, "INT": 31}


def _largest(type_: exp.DataType | None, sizes: list[int]) -> float:
    scale = _scale(type_, sizes)
    if scale is not None:
        precision = sizes[0] if sizes else 10
        return 10.0 ** min(15, precision - scale) - 10.0**-scale
    bits = _BITS.get(type_.this.value.removeprefix("U")) if type_ is not None else None
    return 2.0**bits - 1 if bits else 10.0**15


def _scale(type_: exp.DataType | None, sizes: list[int]) -> int | None:
    if type_ is None or type_.this not in {DType.DECIMAL, DType.UDECIMAL}:
        return None
    return sizes[1] if len(sizes) > 1 else 0


def _foreign_key(columns: tuple[str, ...], reference: exp.Expr | None) -> ForeignKey:
    target = reference.this if reference is not None else None
    if isinstance(target, exp.Schema):
        return ForeignKey(columns, target.this.name.lower(), _names(target.expressions))
    return ForeignKey(columns, target.name.lower() if target is not None else "", ())


def _resolve(table: Table, tables: dict[str, Table]) -> Table:
    """Keep the foreign keys whose both ends exist (contexts often show a part of a schema)."""
    keys = []
    for key in table.foreign_keys:
        target = tables.get(key.table)
        if target is None:
            continue
        referenced = key.referenced or target.primary_key
        ends_exist = all(c in target.columns for c in referenced) and all(c in table.columns for c in key.columns)
        if ends_exist and len(referenced) == len(key.columns) > 0:
            keys.append(replace(key, referenced=referenced))
    return replace(table, foreign_keys=tuple(keys))


def _names(items: list[exp.Expr]) -> tuple[str, ...]:
    return tuple(i.name.lower() if not isinstance(i, exp.Ordered) else i.this.name.lower() for i in items)
