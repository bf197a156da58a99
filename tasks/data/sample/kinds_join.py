"""Queries over two or more tables. Columns are always qualified by the full table name."""

from __future__ import annotations

from tasks.data.sample import conditions as cond
from tasks.data.sample.conditions import which
from tasks.data.sample.draw import SIZES, Draft, Draw, UnfitError, adnominal, literal
from tasks.data.sample.kinds_aggregation import (
    SUMMABLE,
    aggregate,
    aggregate_noun,
    counted,
)
from tasks.data.sample.schema import Column, Parent, Table


def qualified(table: Table, columns: list[Column]) -> str:
    """The columns as a SELECT list."""
    return ", ".join(f"{table.name}.{c.name}" for c in columns)


def from_child(child: Table, parent: Parent) -> str:
    """Child JOIN parent."""
    up = parent.table.name
    return f"{child.name} JOIN {up} ON {child.name}.{parent.column} = {up}.{parent.key}"


def from_parent(child: Table, parent: Parent, how: str = "JOIN") -> str:
    """Parent JOIN child."""
    up = parent.table.name
    return f"{up} {how} {child.name} ON {up}.{parent.key} = {child.name}.{parent.column}"


def below(d: Draw, child: Table, parent: Parent) -> tuple[str, str]:
    """A condition on the parent: its SQL, and its wording as one on the child ("in the guild 'X'")."""
    up, form = parent.table, parent.spec[d.language]
    if up.label and d.rng.random() < 0.5:
        value = d.value(up.label)
        return f"{up.name}.{up.label.name} = {literal(value)}", form.replace("{p}", d.named(up, value))
    condition = cond.simple(d, up)
    them = which(d, up, condition.text)
    return condition.where(f"{up.name}."), form.replace("{p}", them)


def side_by_side(d: Draw) -> Draft:
    """Columns of the rows beside the label of their parent."""
    child, parent = d.parent(lambda c, p: p.table.label)
    up = parent.table
    assert up.label
    shown = d.shown(child, most=1 if child.label else 2)
    sql = f"SELECT {qualified(child, shown)}, {qualified(up, [up.label])} FROM {from_child(child, parent)};"
    if d.ko:
        slots = {"cols": d.nouns(shown), "them": f"모든 {child.ko}", "upcol": d.of_table(up, up.label)}
        return Draft(sql, slots)
    upcol = f"{up.label.en_plural} of their {up.en_plural}"
    return Draft(sql, {"cols": d.nouns(shown), "them": child.en_plural, "upcol": upcol})


def side_by_side_where(d: Draw) -> Draft:
    """The same, for rows under a condition of their own."""
    child, parent = d.parent(lambda c, p: p.table.label)
    up = parent.table
    assert up.label
    condition = cond.simple(d, child)
    shown = [child.label] if child.label else d.shown(child, 1, condition.column)
    sql = f"SELECT {qualified(child, shown)}, {qualified(up, [up.label])} FROM {from_child(child, parent)}"
    sql += f" WHERE {condition.where(child.name + '.')};"
    them = which(d, child, condition.text)
    upcol = d.of_table(up, up.label) if d.ko else f"{up.label.en_plural} of their {up.en_plural}"
    return Draft(sql, {"cols": d.nouns(shown), "them": them, "upcol": upcol})


def of_parent(d: Draw) -> Draft:
    """Rows whose parent meets a condition."""
    child, parent = d.parent()
    where, text = below(d, child, parent)
    shown = d.shown(child)
    sql = f"SELECT {qualified(child, shown)} FROM {from_child(child, parent)} WHERE {where};"
    return Draft(sql, {"cols": d.nouns(shown), "them": which(d, child, text)})


def of_parent_and(d: Draw) -> Draft:
    """Rows under a condition whose parent meets another."""
    child, parent = d.parent()
    where, text = below(d, child, parent)
    own = cond.simple(d, child)
    shown = d.shown(child, 2, own.column)
    sql = f"SELECT {qualified(child, shown)} FROM {from_child(child, parent)}"
    sql += f" WHERE {where} AND {own.where(child.name + '.')};"
    if d.ko:
        return Draft(sql, {"cols": d.nouns(shown), "them": f"{text} {child.ko} 중 {own.text} {child.ko}"})
    if not own.ands:
        raise UnfitError
    return Draft(sql, {"cols": d.nouns(shown), "them": f"{child.en_plural} {text}", "only": own.text})


def count_of_parent(d: Draw) -> Draft:
    """How many rows have a parent that meets a condition."""
    child, parent = d.parent()
    where, text = below(d, child, parent)
    sql = f"SELECT COUNT(*) FROM {from_child(child, parent)} WHERE {where};"
    return Draft(sql, {"them": which(d, child, text), "counter": child.counter})


def scalar_of_parent(d: Draw) -> Draft:
    """An aggregate of the rows whose parent meets a condition."""
    child, parent = d.parent()
    function, c, words = aggregate(d, child)
    where, text = below(d, child, parent)
    sql = f"SELECT {function}({child.name}.{c.name}) FROM {from_child(child, parent)} WHERE {where};"
    return Draft(sql, {"agg": words, "them": which(d, child, text)})


def _unique(child: Table, parent: Parent) -> bool:
    return bool(parent.table.label and parent.table.label.spec.get("unique"))


def _per_parent(d: Draw) -> tuple[Table, Parent, str, dict[str, str]]:
    child, parent = d.parent(_unique)
    return child, parent, *per_row(d, parent.table, child)


def per_row(d: Draw, up: Table, child: Table) -> tuple[str, dict[str, str]]:
    """The column that names a row of `up`, and the words for counting its rows of `child`."""
    label = up.label
    if not label or not label.spec.get("unique"):
        raise UnfitError
    slots = {
        "parent": d.row(up),
        "parents": d.rows(up),
        "label": d.noun(label),
        "labels": d.nouns([label]),
        "name": d.of_table(up, label),
        "names": d.of_table(up, label, plural=True),
        "them": d.rows(child),
        "counter": child.counter,
        "its": "their" if up.who == "who" else "its",
        "that": up.who,
    }
    return f"{up.name}.{label.name}", slots


def count_per_parent(d: Draw) -> Draft:
    """Rows per parent, parents without rows left out."""
    child, parent, label, slots = _per_parent(d)
    return Draft(f"SELECT {label}, COUNT(*) FROM {from_parent(child, parent)} GROUP BY {label};", slots)


def count_per_every_parent(d: Draw) -> Draft:
    """Rows per parent, parents without rows counted as 0."""
    child, parent, label, slots = _per_parent(d)
    source = from_parent(child, parent, "LEFT JOIN")
    return Draft(f"SELECT {label}, COUNT({child.name}.{child.key}) FROM {source} GROUP BY {label};", slots)


def aggregate_per_parent(d: Draw) -> Draft:
    """An aggregate per parent."""
    child, parent, label, slots = _per_parent(d)
    function, c, words = aggregate(d, child)
    sql = f"SELECT {label}, {function}({child.name}.{c.name}) FROM {from_parent(child, parent)} GROUP BY {label};"
    return Draft(sql, slots | {"agg": words})


def having_children(d: Draw) -> Draft:
    """Parents with so many rows."""
    child, parent, label, slots = _per_parent(d)
    op, limit = d.pick([">", ">="]), d.pick([2, 3, 4])
    sql = f"SELECT {label} FROM {from_parent(child, parent)} GROUP BY {label} HAVING COUNT(*) {op} {limit};"
    return Draft(sql, slots | {"limit": counted(d, op, limit, child.counter)})


def most_children(d: Draw) -> Draft:
    """The parent with the most rows, or the highest total or average."""
    child, parent, label, slots = _per_parent(d)
    measure, words = "COUNT(*)", f"{child.ko} 수" if d.ko else f"number of {child.en_plural}"
    stem = "많"
    numbers = [c for c in child.columns if c.numeric and not c.spec.get("noagg")]
    if numbers and d.rng.random() < 0.5:
        c = d.pick(numbers)
        function = d.pick(["AVG", "SUM"] if c.spec["size"] in SUMMABLE else ["AVG"])
        measure = f"{function}({child.name}.{c.name})"
        noun = aggregate_noun(d, function, c)
        stem = SIZES[c.spec["size"]][2]
        words = f"{child.ko}의 {noun}" if d.ko else f"{noun} of {child.en_plural}"
    sql = f"SELECT {label} FROM {from_parent(child, parent)} GROUP BY {label} ORDER BY {measure} DESC LIMIT 1;"
    return Draft(sql, slots | {"measure": words, "best": adnominal(stem)})


def first_beside_parent(d: Draw) -> Draft:
    """The n rows with the highest value beside the label of their parent."""
    child, parent = d.parent(lambda c, p: p.table.label and c.label)
    up = parent.table
    assert up.label and child.label
    key = d.column(child, lambda c: c.numeric or c.role == "date")
    most, count = d.rng.random() < 0.7, d.pick([3, 5, 10])
    columns = f"{qualified(child, [child.label])}, {qualified(up, [up.label])}"
    sql = f"SELECT {columns} FROM {from_child(child, parent)}"
    sql += f" ORDER BY {child.name}.{key.name} {'DESC' if most else 'ASC'} LIMIT {count};"
    best = d.superlative(key, most)
    if d.ko:
        them = f"{key.ko}이(가) {best} {child.ko} {count}{child.counter}"
        return Draft(sql, {"cols": d.nouns([child.label]), "them": them, "upcol": d.of_table(up, up.label)})
    them = f"{count} {child.en_plural} with the {best} {d.measure(key)}"
    upcol = f"{up.label.en_plural} of their {up.en_plural}"
    return Draft(sql, {"cols": d.nouns([child.label]), "them": them, "upcol": upcol})
