"""Queries with a query inside: comparison with an average, IN, NOT IN, EXISTS."""

from __future__ import annotations

from tasks.data.sample import conditions as cond
from tasks.data.sample.conditions import which
from tasks.data.sample.draw import SIZES, Draft, Draw, Kind, UnfitError, adnominal, literal
from tasks.data.sample.kinds_aggregation_words import COUNT_EN, COUNT_KO
from tasks.data.sample.kinds_basic import ask_where, names
from tasks.data.sample.kinds_basic_words import ASK_EN, ASK_KO
from tasks.data.sample.schema import Column, Parent, Table


def _number(d: Draw, table: Table) -> Column:
    return d.column(table, lambda c: c.numeric and not c.spec.get("noagg") and not c.spec.get("mass"))


def _unless_label(table: Table, c: Column) -> list[Column]:
    """A question about rows without a label must not show just the column that it compares."""
    return [] if table.label else [c]


def _than(d: Draw, c: Column, more: bool, what: str) -> str:
    """'whose level is higher than the average level'; in Korean '평균 레벨보다 레벨이 높은'."""
    if d.ko:
        adjective = adnominal(SIZES[c.spec["size"]][2 if more else 3])
        return f"{what}보다 {c.ko}이(가) {adjective}"
    return f"whose {c.en} is {d.pick(['above', 'greater than'] if more else ['below', 'less than'])} {what}"


def beyond_average(d: Draw) -> Draft:
    """Rows above or below the average of all rows."""
    table = d.table()
    c = _number(d, table)
    more = d.rng.random() < 0.7
    average = (
        d.pick(["전체 평균", f"전체 {table.ko}의 평균 {c.ko}", f"평균 {c.ko}"])
        if d.ko
        else d.pick(["the average", f"the average {c.en}", f"the average {c.en} of all {table.en_plural}"])
    )
    where = f"{c.name} {'>' if more else '<'} (SELECT AVG({c.name}) FROM {table.name})"
    return ask_where(d, table, where, _than(d, c, more, average), *_unless_label(table, c))


def beyond_group_average(d: Draw) -> Draft:
    """Rows above the average of the rows under a condition."""
    table = d.table()
    c = _number(d, table)
    condition = cond.category(d, table)
    them = which(d, table, condition.text)
    average = f"{them}의 평균 {c.ko}" if d.ko else f"the average {c.en} of {them}"
    where = f"{c.name} > (SELECT AVG({c.name}) FROM {table.name} WHERE {condition.where()})"
    return ask_where(d, table, where, _than(d, c, True, average), *_unless_label(table, c))


def count_beyond_average(d: Draw) -> Draft:
    """How many rows lie above or below the average."""
    table = d.table()
    c = _number(d, table)
    more = d.rng.random() < 0.7
    average = f"평균 {c.ko}" if d.ko else f"the average {c.en}"
    where = f"{c.name} {'>' if more else '<'} (SELECT AVG({c.name}) FROM {table.name})"
    them = which(d, table, _than(d, c, more, average))
    return Draft(f"SELECT COUNT(*) FROM {table.name} WHERE {where};", {"them": them, "counter": table.counter})


def extreme(d: Draw) -> Draft:
    """All rows that share the highest or lowest value."""
    table = d.table(lambda t: t.label)
    c = d.column(table, lambda c: c.numeric or c.role == "date")
    most = d.rng.random() < 0.65
    function = "MAX" if most else "MIN"
    shown = d.shown(table)
    where = f"{c.name} = (SELECT {function}({c.name}) FROM {table.name})"
    sql = f"SELECT {names(shown)} FROM {table.name} WHERE {where};"
    best = d.superlative(c, most)
    them = f"{c.ko}이(가) {best} {table.ko}" if d.ko else f"{table.en_plural} that share the {best} {c.en}"
    return Draft(sql, {"cols": d.nouns(shown), "them": them})


def beyond_named(d: Draw) -> Draft:
    """Rows with a higher or lower value than a named row."""
    table = d.table(lambda t: t.label and t.label.spec.get("unique"))
    label = table.label
    assert label
    c = _number(d, table)
    more, value = d.rng.random() < 0.6, d.value(label)
    inner = f"SELECT {c.name} FROM {table.name} WHERE {label.name} = {literal(value)}"
    what = f"{d.named(table, value)}" if d.ko else f"that of {d.named(table, value)}"
    return ask_where(d, table, f"{c.name} {'>' if more else '<'} ({inner})", _than(d, c, more, what))


def like_named(d: Draw) -> Draft:
    """Other rows with the same category, or the same parent, as a named row."""
    table = d.table(lambda t: t.label and t.label.spec.get("unique"))
    label = table.label
    assert label
    value = d.value(label)
    shared = [(c.name, d.noun(c)) for c in table.columns if c.role == "category" and "missing" not in c.spec]
    shared += [(p.column, d.row(p.table)) for p in table.parents]
    column, noun = d.pick(shared)
    inner = f"SELECT {column} FROM {table.name} WHERE {label.name} = {literal(value)}"
    where = f"{column} = ({inner}) AND {label.name} <> {literal(value)}"
    named = d.named(table, value)
    text = f"{named}과(와) {noun}이(가) 같은 다른" if d.ko else f"with the same {noun} as {named}"
    shown = [label]
    sql = f"SELECT {names(shown)} FROM {table.name} WHERE {where};"
    return Draft(
        sql, {"cols": d.nouns(shown), "them": f"{text} {table.ko}" if d.ko else f"other {table.en_plural} {text}"}
    )


def _has(d: Draw, child: Table, parent: Parent, text: str) -> str:
    """'that have at least one review …'; in Korean '… 리뷰가 한 건이라도 있는'."""
    if d.ko:
        return f"{text} {child.ko}이(가) 한 {child.counter}(이)라도 있는".strip()
    verb = parent.spec["en_have"]
    one = f"{'have' if verb == 'have' else 'have ' + verb} at least one {child.en}"
    return f"{parent.table.who} {one} {text}".rstrip()


def _has_no(d: Draw, child: Table, parent: Parent, text: str) -> str:
    if d.ko:
        return f"{text} {child.ko}이(가) 한 {child.counter}도 없는".strip()
    verb = parent.spec["en_have"]
    none = f"{'do not have' if verb == 'have' else 'have not ' + verb} any {child.en_plural}"
    return f"{parent.table.who} {none} {text}".rstrip()


def with_children(d: Draw) -> Draft:
    """Parents with at least one row under a condition."""
    child, parent = d.parent()
    condition = cond.simple(d, child)
    inner = f"SELECT {parent.column} FROM {child.name} WHERE {condition.where()}"
    text = _one_text(d, child, parent, condition)
    return ask_where(d, parent.table, f"{parent.key} IN ({inner})", text)


def _one_text(d: Draw, child: Table, parent: Parent, condition: cond.Condition) -> str:
    """In English "at least one" takes a singular, so a verb in the plural is out."""
    if not d.ko and any(word in condition.text for word in (" were ", " have ", " who live")):
        raise UnfitError
    return _has(d, child, parent, condition.text)


def without_children(d: Draw) -> Draft:
    """Parents with no row under a condition."""
    child, parent = d.parent()
    condition = cond.simple(d, child)
    inner = f"SELECT {parent.column} FROM {child.name} WHERE {condition.where()}"
    return ask_where(d, parent.table, f"{parent.key} NOT IN ({inner})", _has_no(d, child, parent, condition.text))


def with_any(d: Draw) -> Draft:
    """Parents with at least one row, or with none."""
    child, parent = d.parent()
    up = parent.table
    some = d.rng.random() < 0.4
    shown = d.shown(up)
    inner = f"SELECT 1 FROM {child.name} WHERE {child.name}.{parent.column} = {up.name}.{parent.key}"
    columns = ", ".join(f"{up.name}.{c.name}" for c in shown)
    sql = f"SELECT {columns} FROM {up.name} WHERE {'EXISTS' if some else 'NOT EXISTS'} ({inner});"
    text = _has(d, child, parent, "") if some else _has_no(d, child, parent, "")
    return Draft(sql, {"cols": d.nouns(shown), "them": which(d, up, text)})


def count_without(d: Draw) -> Draft:
    """How many parents have no row under a condition."""
    child, parent = d.parent()
    up = parent.table
    condition = cond.simple(d, child)
    inner = f"SELECT {parent.column} FROM {child.name} WHERE {condition.where()}"
    them = which(d, up, _has_no(d, child, parent, condition.text))
    sql = f"SELECT COUNT(*) FROM {up.name} WHERE {parent.key} NOT IN ({inner});"
    return Draft(sql, {"them": them, "counter": up.counter})


def unlinked(d: Draw) -> Draft:
    """Rows of one side that have no link at all, or none under a condition, and those that have one."""
    link, a, b = d.linked()
    near = d.pick([a, b])
    up = near.table
    some = d.rng.random() < 0.5
    condition = cond.simple(d, link)
    if not d.ko and some and any(word in condition.text for word in (" were ", " have ")):
        raise UnfitError
    inner = f"SELECT {near.column} FROM {link.name} WHERE {condition.where()}"
    where = f"{near.key} {'IN' if some else 'NOT IN'} ({inner})"
    if d.ko:
        text = f"{condition.text} {link.ko}이(가) " + (
            f"한 {link.counter}(이)라도 있는" if some else f"한 {link.counter}도 없는"
        )
    elif some:
        text = f"{up.who} have at least one {link.en} {condition.text}"
    else:
        text = f"{up.who} have no {link.en_plural} {condition.text}"
    return ask_where(d, up, where, text)


KINDS = [
    Kind("beyond_average", 14, beyond_average, ASK_EN, ASK_KO),
    Kind("beyond_group_average", 1, beyond_group_average, ASK_EN, ASK_KO),
    Kind("count_beyond_average", 4, count_beyond_average, COUNT_EN, COUNT_KO),
    Kind(
        "extreme",
        12,
        extreme,
        [
            "Show the {cols} of all {them}.",
            "What are the {cols} of the {them}?",
            "Find every one of the {them} and return the {cols}.",
            "List the {cols} of the {them}, ties included.",
            "Give me the {cols} of any {them}.",
            "The {cols} of all {them}",
        ],
        [
            "{them}을(를) 모두 찾아 {cols}을(를) 보여 줘.",
            "{them}의 {cols}은(는) 무엇인가요? 동점이면 모두 알려주세요.",
            "{them}의 {cols}을(를) 동률까지 포함해 알려주세요.",
            "{them} 전부의 {cols}을(를) 출력해 줘.",
            "{them}의 {cols}을(를) 모두 알려줄래?",
            "{them}의 {cols}(공동 순위 포함)",
        ],
    ),
    Kind("beyond_named", 3, beyond_named, ASK_EN, ASK_KO),
    Kind("like_named", 2, like_named, ASK_EN, ASK_KO),
    Kind("with_children", 8, with_children, ASK_EN, ASK_KO),
    Kind("without_children", 8, without_children, ASK_EN, ASK_KO),
    Kind("with_any", 9, with_any, ASK_EN, ASK_KO),
    Kind("count_without", 1, count_without, COUNT_EN, COUNT_KO),
    Kind("unlinked", 2, unlinked, ASK_EN, ASK_KO),
]
