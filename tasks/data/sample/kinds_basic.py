"""Plain queries on one table: filters, ordering, distinct values, the first few rows."""

from __future__ import annotations

from tasks.data.sample import conditions as cond
from tasks.data.sample.conditions import Condition, which
from tasks.data.sample.draw import Draft, Draw, literal
from tasks.data.sample.schema import Column, Table


def names(columns: list[Column]) -> str:
    """The column names as a SELECT list."""
    return ", ".join(c.name for c in columns)


def ask(d: Draw, table: Table, condition: Condition) -> Draft:
    """Some columns of the rows under one condition."""
    return ask_where(d, table, condition.where(), condition.text, condition.column)


def ask_where(d: Draw, table: Table, where: str, text: str, *but: Column) -> Draft:
    """Some columns of the rows under any WHERE clause."""
    shown = d.shown(table, 2, *but)
    sql = f"SELECT {names(shown)} FROM {table.name} WHERE {where};"
    return Draft(sql, {"cols": d.nouns(shown), "them": which(d, table, text)})


def by_category(d: Draw) -> Draft:
    """Rows of one category."""
    table = d.table()
    return ask(d, table, cond.category(d, table))


def by_number(d: Draw) -> Draft:
    """Rows with a number above or below a limit."""
    table = d.table()
    return ask(d, table, cond.number(d, table))


def by_range(d: Draw) -> Draft:
    """Rows with a number or date in a range."""
    table = d.table()
    return ask(d, table, cond.between(d, table))


def by_day(d: Draw) -> Draft:
    """Rows before or after a day, in a year or in a month."""
    table = d.table()
    return ask(d, table, d.pick([cond.day, cond.day, cond.year, cond.month])(d, table))


def by_text(d: Draw) -> Draft:
    """Rows whose label starts with, ends with or contains a text."""
    table = d.table(lambda t: t.label)
    return ask(d, table, cond.like(d, table))


def by_missing(d: Draw) -> Draft:
    """Rows that lack, or have, a value."""
    table = d.table(lambda t: any("missing" in c.spec for c in t.columns))
    return ask(d, table, cond.missing(d, table))


def by_list(d: Draw) -> Draft:
    """Rows of one of two categories, or of any but one."""
    table = d.table()
    return ask(d, table, d.pick([cond.in_list, cond.in_list, cond.category_not])(d, table))


def by_both(d: Draw) -> Draft:
    """Rows under two conditions."""
    table = d.table()
    first, second = cond.simple(d, table), cond.simple(d, table)
    text = cond.joined(d, first, second, "and")
    return ask_where(d, table, f"{first.where()} AND {second.where()}", text, first.column, second.column)


def by_either(d: Draw) -> Draft:
    """Rows under at least one of two conditions."""
    table = d.table()
    first, second = cond.simple(d, table), cond.simple(d, table)
    text = cond.joined(d, first, second, "or")
    return ask_where(d, table, f"{first.where()} OR {second.where()}", text, first.column, second.column)


def look_up(d: Draw) -> Draft:
    """One column of the row with a given label."""
    table = d.table(lambda t: t.label)
    label = table.label
    assert label
    wanted = d.column(table, lambda c: c != label and c.role != "text")
    value = d.value(label)
    sql = f"SELECT {wanted.name} FROM {table.name} WHERE {label.name} = {literal(value)};"
    return Draft(sql, {"col": d.measure(wanted), "it": d.named(table, value)})


def ordered(d: Draw) -> Draft:
    """All rows in an order."""
    table = d.table(lambda t: t.label)
    key = d.column(table, lambda c: c.numeric or c.role == "date")
    down = d.rng.random() < 0.6
    shown = d.shown(table)
    sql = f"SELECT {names(shown)} FROM {table.name} ORDER BY {key.name}{' DESC' if down else ' ASC'};"
    slots = {"cols": d.nouns(shown), "them": d.rows(table), "order": _order(d, key, down)}
    return Draft(sql, slots)


def _order(d: Draw, key: Column, down: bool) -> str:
    first, last = d.superlative(key, down), d.superlative(key, not down)
    if not d.ko:
        way = "in descending order" if down else "in ascending order"
        return f"by {d.measure(key)} {d.pick([f'from {first} to {last}', way])}"
    way = "내림차순" if down else "오름차순"
    by_word = f"{key.ko}이(가) {first.removeprefix('가장 ')} 순으로"
    return d.pick([by_word, f"{key.ko} {way}으로", f"{key.ko}을(를) 기준으로 {way} 정렬해"])


def first_few(d: Draw) -> Draft:
    """The n rows with the highest or lowest value."""
    table = d.table(lambda t: t.label)
    key = d.column(table, lambda c: c.numeric or c.role == "date")
    most, count = d.rng.random() < 0.65, d.pick([2, 3, 5, 10])
    shown = d.shown(table)
    sql = f"SELECT {names(shown)} FROM {table.name} ORDER BY {key.name} {'DESC' if most else 'ASC'} LIMIT {count};"
    best = d.superlative(key, most)
    if d.ko:
        them = f"{key.ko}이(가) {best} {table.ko} {count}{table.counter}"
    else:
        them = f"{count} {table.en_plural} with the {best} {d.measure(key)}"
    return Draft(sql, {"cols": d.nouns(shown), "them": them})


def distinct(d: Draw) -> Draft:
    """The different values of a column."""
    table = d.table()
    column = d.column(table, lambda c: c.role == "category")
    sql = f"SELECT DISTINCT {column.name} FROM {table.name};"
    return Draft(sql, {"cols": d.nouns([column]), "them": d.rows(table)})


def all_columns(d: Draw) -> Draft:
    """Whole rows under a condition."""
    table = d.table()
    condition = cond.simple(d, table)
    sql = f"SELECT * FROM {table.name} WHERE {condition.where()};"
    return Draft(sql, {"them": which(d, table, condition.text)})


def everything(d: Draw) -> Draft:
    """Some columns of all rows."""
    table = d.table(lambda t: t.label)
    shown = d.shown(table)
    return Draft(
        f"SELECT {names(shown)} FROM {table.name};",
        {"cols": d.nouns(shown), "them": f"모든 {table.ko}" if d.ko else table.en_plural},
    )
