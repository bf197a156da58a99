"""Queries drawn at random: functions and operators put together over typed columns and literals."""

# ruff: noqa: E501  (a table reads best with a line for each kind)

from __future__ import annotations

from collections.abc import Sequence
from random import Random

# Type -> columns and literals of the listed tables `items`.
_LEAVES: dict[str, dict[str, Sequence[str]]] = {
    "mysql": {
        "int": ("stock", "id", "3", "0", "-7", "shop_id", "NULL"),
        "num": ("price", "1.5", "0.1", "-2.25", "price"),
        "double": ("weight",),
        "text": ("title", "code", "'pen'", "'12'", "'7a'", "''", "'é'", "'Red Pen'"),
        "moment": ("made", "'2024-02-29'", "'2024-06-15 12:00:00'", "DATE(made)", "NOW()", "CURDATE()"),
        "bool": ("stock > 3", "price IS NULL", "title LIKE '%e%'", "TRUE"),
    },
    "postgres": {
        "int": ("stock", "id", "3", "0", "-7", "shop_id", "NULL", "small"),
        "num": ("price", "1.5", "0.1", "-2.25", "price"),
        "double": ("weight",),
        "text": ("title", "code", "'pen'", "'12'", "'Red Pen'", "title"),
        "moment": ("made", "made::date", "DATE '2024-02-29'", "TIMESTAMP '2024-06-15 12:00:00'", "NOW()"),
        "bool": ("stock > 3", "price IS NULL", "title LIKE '%e%'", "TRUE"),
    },
}
_BOTH = (
    ("int", "({} + {})", "int", "int"), ("int", "({} - {})", "int", "int"), ("num", "({} * {})", "num", "int"), ("num", "({} + {})", "num", "num"),
    ("num", "({} / {})", "num", "int"), ("num", "({} / {})", "int", "int"), ("int", "MOD({}, 4)", "int"), ("int", "ABS({})", "int"), ("num", "ROUND({}, 1)", "num"),
    ("num", "ROUND({})", "num"), ("num", "FLOOR({})", "num"), ("num", "CEIL({})", "num"), ("num", "ROUND({})", "double"), ("int", "SIGN({})", "int"), ("double", "({} * 2)", "double"),
    ("int", "GREATEST({}, {})", "int", "int"), ("num", "LEAST({}, {})", "num", "int"), ("double", "SQRT(ABS({}))", "int"), ("double", "POWER({}, 2)", "int"),
    ("text", "UPPER({})", "text"), ("text", "LOWER({})", "text"), ("text", "LEFT({}, 3)", "text"), ("text", "RIGHT({}, 2)", "text"), ("text", "CONCAT({}, '-', {})", "text", "text"), ("text", "CONCAT({}, {})", "text", "int"),
    ("text", "REPLACE({}, 'e', 'E')", "text"), ("text", "TRIM({})", "text"), ("text", "SUBSTRING({}, 2, 3)", "text"), ("text", "REVERSE({})", "text"), ("text", "LPAD({}, 6, '*')", "text"), ("text", "REPEAT({}, 2)", "text"),
    ("int", "CHAR_LENGTH({})", "text"), ("int", "POSITION('e' IN {})", "text"), ("int", "ASCII({})", "text"), ("text", "CONCAT_WS('/', {}, {})", "text", "text"),
    ("int", "EXTRACT(YEAR FROM {})", "moment"), ("int", "EXTRACT(MONTH FROM {})", "moment"), ("int", "EXTRACT(DAY FROM {})", "moment"), ("int", "EXTRACT(QUARTER FROM {})", "moment"),
    ("bool", "({} = {})", "int", "int"), ("bool", "({} < {})", "int", "num"), ("bool", "({} = {})", "text", "text"), ("bool", "({} > {})", "text", "text"), ("bool", "({} <= {})", "moment", "moment"), ("bool", "({} = {})", "num", "num"), ("bool", "({} > {})", "double", "num"),
    ("bool", "({} AND {})", "bool", "bool"), ("bool", "({} OR {})", "bool", "bool"), ("bool", "(NOT {})", "bool"), ("bool", "({} IS NULL)", "text"), ("bool", "({} IS NOT NULL)", "num"), ("bool", "({} LIKE '%e%')", "text"), ("bool", "({} NOT LIKE 'R%')", "text"), ("bool", "({} IN ({}, 5))", "int", "int"), ("bool", "({} NOT IN ('pen', {}))", "text", "text"), ("bool", "({} BETWEEN {} AND 9)", "int", "int"),
    ("int", "COALESCE({}, {})", "int", "int"), ("text", "COALESCE({}, {})", "text", "text"), ("num", "COALESCE({}, 0)", "num"), ("int", "NULLIF({}, {})", "int", "int"), ("text", "NULLIF({}, {})", "text", "text"), ("int", "CASE WHEN {} THEN {} ELSE {} END", "bool", "int", "int"), ("text", "CASE WHEN {} THEN {} END", "bool", "text"), ("num", "CASE WHEN {} THEN {} ELSE 0 END", "bool", "num"),
)  # fmt: skip
_OWN: dict[str, tuple[tuple[str, ...], ...]] = {
    "mysql": (
        ("int", "({} DIV {})", "int", "int"), ("num", "TRUNCATE({}, 1)", "num"), ("int", "DATEDIFF({}, {})", "moment", "moment"), ("int", "TIMESTAMPDIFF(MONTH, {}, {})", "moment", "moment"), ("moment", "DATE_ADD({}, INTERVAL 1 MONTH)", "moment"), ("moment", "DATE_SUB({}, INTERVAL {} DAY)", "moment", "int"), ("moment", "LAST_DAY({})", "moment"), ("text", "DATE_FORMAT({}, '%Y-%m')", "moment"), ("int", "DAYOFWEEK({})", "moment"), ("text", "MONTHNAME({})", "moment"),
        ("int", "IF({}, {}, {})", "bool", "int", "int"), ("text", "IFNULL({}, {})", "text", "text"), ("int", "LOCATE('E', {})", "text"), ("int", "LENGTH({})", "text"), ("text", "SUBSTRING_INDEX({}, ' ', 1)", "text"), ("int", "FIELD({}, 'pen', '12')", "text"), ("bool", "({} = {})", "text", "int"), ("bool", "({} > {})", "int", "text"), ("num", "({} + {})", "text", "int"), ("int", "CAST({} AS SIGNED)", "text"), ("int", "CAST({} AS SIGNED)", "num"), ("text", "CAST({} AS CHAR)", "int"), ("num", "CAST({} AS DECIMAL(8,1))", "num"), ("bool", "({} <=> {})", "int", "int"), ("int", "({} + {})", "bool", "int"), ("bool", "({} XOR {})", "bool", "bool"), ("moment", "DATE({})", "moment"),
    ),
    "postgres": (
        ("int", "({} / {})", "int", "int"), ("int", "({} % 3)", "int"), ("num", "TRUNC({}, 1)", "num"), ("text", "({} || {})", "text", "text"), ("text", "({} || {})", "text", "int"), ("text", "SPLIT_PART({}, ' ', 1)", "text"), ("text", "INITCAP({})", "text"), ("int", "STRPOS({}, 'e')", "text"), ("bool", "({} ILIKE 'R%')", "text"), ("text", "LEFT({}, -1)", "text"), ("int", "{}::int", "bool"), ("text", "({})::text", "int"), ("int", "({})::int", "num"), ("num", "({})::numeric(8,1)", "num"), ("int", "({})::int", "double"), ("bool", "({} = {})", "text", "int"), ("int", "({} + {})", "text", "int"),
        ("moment", "({} + INTERVAL '1 month')", "moment"), ("moment", "({} - INTERVAL '36 hours')", "moment"), ("moment", "DATE_TRUNC('month', {})", "moment"), ("int", "({}::date - {}::date)", "moment", "moment"), ("bool", "({} - {} > INTERVAL '30 days')", "moment", "moment"), ("text", "TO_CHAR({}, 'YYYY-MM')", "moment"), ("int", "EXTRACT(DOW FROM {})", "moment"), ("bool", "({} IS DISTINCT FROM {})", "int", "int"), ("int", "EXTRACT(DAY FROM AGE({}, {}))", "moment", "moment"),
    ),
}  # fmt: skip
_SHAPES = (
    *("SELECT id, {} FROM items",) * 3,
    "SELECT id FROM items WHERE {}",
    "SELECT {} AS e, COUNT(*) FROM items GROUP BY 1",
    "SELECT shop_id, MAX({0}), COUNT({0}) FROM items GROUP BY shop_id",
    "SELECT DISTINCT {} FROM items",
    "SELECT id FROM items ORDER BY {}, id",
)


def drawn(dialect: str, count: int, seed: int) -> list[str]:
    """Distinct queries over the table `items` of the listed ones; most fit together, some mix types."""
    random = Random(f"{dialect}{seed}")
    found: dict[str, None] = {}
    while len(found) < count:
        shape = random.choice(_SHAPES)
        wanted = "bool" if "WHERE" in shape else random.choice(("int", "num", "text", "moment", "bool", "double"))
        found[shape.format(_expression(random, dialect, wanted, random.choice((1, 2, 2, 3))))] = None
    return list(found)


def _expression(random: Random, dialect: str, wanted: str, depth: int) -> str:
    leaves = _LEAVES[dialect]
    makers = [m for m in (*_BOTH, *_OWN[dialect]) if m[0] == wanted]
    if depth == 0 or not makers:
        return random.choice(leaves[wanted])
    _, pattern, *takes = random.choice(makers)
    parts = [t if random.random() > 0.04 else random.choice(sorted(leaves)) for t in takes]
    return pattern.format(*(_expression(random, dialect, t, depth - 1) for t in parts))
