"""Joins of three tables: through a link table, to a parent's parent, to two parents."""

from __future__ import annotations

from tasks.data.sample import conditions as cond
from tasks.data.sample.conditions import which
from tasks.data.sample.draw import Draft, Draw, UnfitError, literal
from tasks.data.sample.kinds_join import below, from_child, from_parent, per_row, qualified
from tasks.data.sample.schema import Parent, Table


def through(link: Table, near: Parent, far: Parent) -> str:
    """Near JOIN link JOIN far."""
    one, other = near.table.name, far.table.name
    return (
        f"{one} JOIN {link.name} ON {one}.{near.key} = {link.name}.{near.column}"
        f" JOIN {other} ON {link.name}.{far.column} = {other}.{far.key}"
    )


def linked_to(d: Draw) -> Draft:
    """Rows linked to the row with a given label on the other side."""
    link, a, b = d.linked()
    assert link.link
    near, far, form = d.pick([(a, b, "ab"), (b, a, "ba")])
    up = far.table
    if not up.label:
        raise UnfitError
    value = d.value(up.label)
    shown = d.shown(near.table)
    words = link.link[f"{d.language}_{form}"].replace("{b}" if form == "ab" else "{a}", d.named(up, value))
    sql = f"SELECT {qualified(near.table, shown)} FROM {through(link, near, far)}"
    sql += f" WHERE {up.name}.{up.label.name} = {literal(value)};"
    return Draft(sql, {"cols": d.nouns(shown), "them": which(d, near.table, words)})


def linked_distinct(d: Draw) -> Draft:
    """The different labels of rows linked to rows under a condition."""
    link, a, b = d.linked()
    assert link.link
    near, far, form = d.pick([(a, b, "ab"), (b, a, "ba")])
    up = far.table
    if not near.table.label:
        raise UnfitError
    condition = cond.simple(d, up)
    them = which(d, up, condition.text)
    words = link.link[f"{d.language}_{form}"].replace("{b}" if form == "ab" else "{a}", them)
    sql = f"SELECT DISTINCT {qualified(near.table, [near.table.label])} FROM {through(link, near, far)}"
    sql += f" WHERE {condition.where(up.name + '.')};"
    return Draft(sql, {"cols": d.nouns([near.table.label]), "them": which(d, near.table, words)})


def linked_count(d: Draw) -> Draft:
    """Linked rows per row of one side."""
    link, a, b = d.linked()
    near = d.pick([a, b])
    label, slots = per_row(d, near.table, link)
    return Draft(f"SELECT {label}, COUNT(*) FROM {from_parent(link, near)} GROUP BY {label};", slots)


def linked_pairs(d: Draw) -> Draft:
    """Labels of both sides for links under a condition on the link."""
    link, a, b = d.linked()
    left, right = a.table, b.table
    if not left.label or not right.label:
        raise UnfitError
    condition = cond.simple(d, link)
    columns = f"{qualified(left, [left.label])}, {qualified(right, [right.label])}"
    sql = f"SELECT {columns} FROM {through(link, a, b)} WHERE {condition.where(link.name + '.')};"
    them = which(d, link, condition.text)
    cols = ("과(와) " if d.ko else " and the ").join([d.of_table(left, left.label), d.of_table(right, right.label)])
    return Draft(sql, {"them": them, "cols": cols})


def two_steps_up(d: Draw) -> Draft:
    """Rows by a condition on the parent of their parent, or on two parents."""
    child, parent = d.parent(lambda c, p: p.table.parents)
    grand = d.pick(parent.table.parents)
    where, words = below(d, parent.table, grand)
    up, top = parent.table, grand.table
    text = parent.spec[d.language].replace("{p}", which(d, up, words))
    shown = d.shown(child)
    sql = f"SELECT {qualified(child, shown)} FROM {from_child(child, parent)}"
    sql += f" JOIN {top.name} ON {up.name}.{grand.column} = {top.name}.{grand.key} WHERE {where};"
    return Draft(sql, {"cols": d.nouns(shown), "them": which(d, child, text)})


def both_parents(d: Draw) -> Draft:
    """Rows beside the labels of both their parents."""
    child = d.table(lambda t: not t.link and len(t.parents) >= 2 and all(p.table.label for p in t.parents[:2]))
    one, two = child.parents[:2]
    own = d.pick([c for c in child.columns if c.role not in ("text",)])
    tops = [(p.table, p.table.label) for p in (one, two)]
    columns = [f"{child.name}.{own.name}"] + [f"{t.name}.{c.name}" for t, c in tops if c]
    sql = f"SELECT {', '.join(columns)} FROM {from_child(child, one)}"
    sql += f" JOIN {two.table.name} ON {child.name}.{two.column} = {two.table.name}.{two.key};"
    if d.ko:
        words = [d.of_table(t, c) for t, c in tops if c]
        return Draft(sql, {"cols": own.ko, "them": f"모든 {child.ko}", "upcol": "과(와) ".join(words)})
    words = [d.of_table(t, c, plural=True) for t, c in tops if c]
    return Draft(sql, {"cols": own.en_plural, "them": child.en_plural, "upcol": " and ".join(words)})
