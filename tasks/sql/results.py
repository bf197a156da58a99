"""Two answers of queries: are they the same, and if not, where do they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from tasks.sql.functions import fold
from tasks.sql.sandbox import Row
from tasks.sql.schema import Schema
from tasks.sql.text_functions import Value

MOST_COLUMNS = 6
Order = tuple[int, ...]
SHOWN_ROWS = 6
SHOWN_CHARS = 1_500


def same(left: Sequence[Row], right: Sequence[Row], ordered: bool, folded: bool, digits: int = 9) -> bool:
    """Whether two answers hold the same rows, duplicates counted; in the same order if `ordered`.

    With `folded` texts are compared without case: MySQL shows one of the spellings that a group holds. Numbers are
    the same if their first `digits` digits are: sums of decimals differ in the last bits by row order.
    """
    if len(left) != len(right):
        return False
    if left == right:
        return True
    a, b = [_key(row, folded, digits) for row in left], [_key(row, folded, digits) for row in right]
    return a == b if ordered else Counter(a) == Counter(b)


def column_orders(width: int, any_order: bool) -> list[Order]:
    """The orders of an answer's columns that are accepted, the written one first."""
    written = tuple(range(width))
    return list(permutations(written)) if any_order and width <= MOST_COLUMNS else [written]


def agreeing(
    orders: list[Order], gold: Sequence[Row], found: Sequence[Row], ordered: bool, folded: bool, digits: int
) -> list[Order]:
    """Those orders of the found answer's columns in which it is the same as gold's."""
    if len(orders) == 1 and orders[0] == tuple(range(len(orders[0]))):
        return orders if same(gold, found, ordered, folded, digits) else []
    if found and len(found[0]) != len(orders[0]):
        return []
    turned = (([tuple(row[i] for i in order) for row in found], order) for order in orders)
    return [order for rows, order in turned if same(gold, rows, ordered, folded, digits)]


def _key(row: Row, folded: bool = False, digits: int = 9) -> Row:
    numbers = tuple(float(f"{v:.{digits}g}") if isinstance(v, float) else v for v in row)
    return tuple(fold(v) if isinstance(v, str) else v for v in numbers) if folded else numbers


def counterexample(
    schema: Schema, tables: Sequence[str], rows: dict[str, list[Row]], gold: Sequence[Row], predicted: Sequence[Row]
) -> str:
    """A generated database and both answers on it, as short Markdown."""
    parts = []
    for name in tables:
        header = tuple(schema.tables[name].columns)
        parts.append(f"`{name}` ({len(rows[name])} rows)\n\n{_table(header, rows[name], SHOWN_ROWS)}")
    answers = []
    missing, extra = _without(gold, predicted), _without(predicted, gold)
    if not missing and not extra:
        answers.append("same rows, other order")
        missing, extra = list(gold), list(predicted)
    for title, only, whole in (("gold answer", missing, gold), ("predicted answer", extra, predicted)):
        shown = ", ".join(_row(r) for r in only[:SHOWN_ROWS])
        more = ", …" if len(only) > SHOWN_ROWS else ""
        answers.append(f"{title} ({len(whole)} rows), where it differs: {shown or 'nothing'}{more}")
    tail = "\n\n".join(answers)[: SHOWN_CHARS // 2]
    body = "\n\n".join(parts)
    room = SHOWN_CHARS - len(tail) - 4
    if len(body) > room:
        body = body[:room].rsplit("\n", 1)[0] + "\n…"
    return f"{body}\n\n{tail}"


def _without(left: Sequence[Row], right: Sequence[Row]) -> list[Row]:
    rest = Counter(_key(row) for row in right)
    kept = []
    for row in left:
        if rest[_key(row)] > 0:
            rest[_key(row)] -= 1
        else:
            kept.append(row)
    return kept


def _table(header: Row, rows: Sequence[Row], limit: int) -> str:
    lines = [f"| {' | '.join(map(str, header))} |", "|" + " --- |" * len(header)]
    lines += [f"| {' | '.join(_cell(v) for v in row)} |" for row in rows[:limit]]
    return "\n".join(lines)


def _row(row: Row) -> str:
    return "(" + ", ".join(_cell(v) for v in row) + ")"


def _cell(value: Value) -> str:
    if value is None:
        return "NULL"
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "¦").replace("`", "'").split())[:40]
