"""Counts, sums and averages, over all rows or over groups of one table."""

from __future__ import annotations

from tasks.data.sample import conditions as cond
from tasks.data.sample.conditions import which
from tasks.data.sample.draw import SIZES, Draft, Draw, UnfitError, adnominal
from tasks.data.sample.schema import Column, Table

SUMMABLE = ("many", "big", "long")
# What is said of the thing ("비싼 상품") and what of its measure ("높은 가격").
NOUN_STEMS = {"비싸": "높", "싸": "낮", "무겁": "크", "가볍": "작"}


def aggregate(d: Draw, table: Table) -> tuple[str, Column, str]:
    """A function, a column to apply it to, and the words for both ("AVG", level, "average level")."""
    c = d.column(table, lambda c: c.numeric and not c.spec.get("noagg"))
    functions = ["AVG", "AVG", "MAX", "MIN"] + (["SUM", "SUM"] if c.spec["size"] in SUMMABLE else [])
    function = d.pick(functions)
    return function, c, aggregate_noun(d, function, c)


def aggregate_noun(d: Draw, function: str, c: Column) -> str:
    """The words for an aggregate of a column."""
    if function in ("MAX", "MIN"):
        most = function == "MAX"
        if d.ko:
            return d.pick([f"{best_ko(c, most)} {c.ko}", f"{c.ko} {'최댓값' if most else '최솟값'}"])
        return f"{d.superlative(c, most)} {d.measure(c)}"
    if d.ko:
        return f"평균 {c.ko}" if function == "AVG" else f"{c.ko} 합계"
    if function == "AVG":
        return f"average {d.measure(c)}"
    return f"total {c.en_plural if c.spec.get('mass') else c.en}"


def best_ko(c: Column, most: bool) -> str:
    """'가장 높은' before a noun: a price is high, not expensive."""
    if c.role == "date":
        return "가장 늦은" if most else "가장 이른"
    stem = SIZES[c.spec["size"]][2 if most else 3]
    return f"가장 {adnominal(NOUN_STEMS.get(stem, stem))}"


def count(d: Draw) -> Draft:
    """The number of rows, mostly under a condition."""
    table = d.table()
    if d.rng.random() < 0.1:
        slots = {"them": f"전체 {table.ko}" if d.ko else table.en_plural, "counter": table.counter}
        return Draft(f"SELECT COUNT(*) FROM {table.name};", slots)
    condition = cond.simple(d, table) if d.rng.random() < 0.8 else cond.between(d, table)
    sql = f"SELECT COUNT(*) FROM {table.name} WHERE {condition.where()};"
    return Draft(sql, {"them": which(d, table, condition.text), "counter": table.counter})


def scalar(d: Draw) -> Draft:
    """One aggregate of all rows, or of those under a condition."""
    table = d.table()
    function, c, words = aggregate(d, table)
    if d.rng.random() < 0.25:
        sql = f"SELECT {function}({c.name}) FROM {table.name};"
        return Draft(sql, {"agg": words, "them": f"전체 {table.ko}" if d.ko else table.en_plural})
    condition = cond.simple(d, table)
    if condition.column == c:
        raise UnfitError
    sql = f"SELECT {function}({c.name}) FROM {table.name} WHERE {condition.where()};"
    return Draft(sql, {"agg": words, "them": which(d, table, condition.text)})


def extent(d: Draw) -> Draft:
    """The lowest and the highest value of a column."""
    table = d.table()
    c = d.column(table, lambda c: c.role == "date" or (c.numeric and not c.spec.get("noagg")))
    words = f"{d.superlative(c, False)} and the {d.superlative(c, True)} {d.measure(c)}"
    if d.ko:
        words = f"{best_ko(c, False)} {c.ko}과(와) {best_ko(c, True)} {c.ko}"
    sql = f"SELECT MIN({c.name}), MAX({c.name}) FROM {table.name};"
    return Draft(sql, {"agg": words, "them": f"전체 {table.ko}" if d.ko else table.en_plural})


def count_distinct(d: Draw) -> Draft:
    """How many different values a column has."""
    table = d.table()
    c = d.column(table, lambda c: c.role == "category")
    sql = f"SELECT COUNT(DISTINCT {c.name}) FROM {table.name};"
    return Draft(sql, {"col": c.ko if d.ko else c.en_plural, "them": d.rows(table)})


def group(d: Draw) -> tuple[Table, Column]:
    """A table and a column to group it by."""
    table = d.table()
    return table, d.column(table, lambda c: c.role == "category" and "missing" not in c.spec)


def count_per_group(d: Draw) -> Draft:
    """Rows per category."""
    table, g = group(d)
    sql = f"SELECT {g.name}, COUNT(*) FROM {table.name} GROUP BY {g.name};"
    return Draft(sql, {"group": d.noun(g), "them": d.rows(table), "counter": table.counter})


def count_per_year(d: Draw) -> Draft:
    """Rows per year."""
    table = d.table()
    c = d.column(table, lambda c: c.role in ("date", "time") and "missing" not in c.spec)
    sql = f"SELECT YEAR({c.name}), COUNT(*) FROM {table.name} GROUP BY YEAR({c.name});"
    verb = c.spec[f"{d.language}_verb"]
    return Draft(
        sql, {"verb": verb, "them": d.rows(table), "who": table.who, "counter": table.counter, "col": d.noun(c)}
    )


def aggregate_per_group(d: Draw) -> Draft:
    """One aggregate per category."""
    table, g = group(d)
    function, c, words = aggregate(d, table)
    sql = f"SELECT {g.name}, {function}({c.name}) FROM {table.name} GROUP BY {g.name};"
    return Draft(sql, {"group": d.noun(g), "them": d.rows(table), "agg": words})


def count_per_group_where(d: Draw) -> Draft:
    """Rows per category, of those under a condition."""
    table, g = group(d)
    condition = cond.simple(d, table)
    if condition.column == g:
        raise UnfitError
    sql = f"SELECT {g.name}, COUNT(*) FROM {table.name} WHERE {condition.where()} GROUP BY {g.name};"
    them = which(d, table, condition.text)
    return Draft(sql, {"group": d.noun(g), "them": them, "counter": table.counter})


def having_count(d: Draw) -> Draft:
    """Categories with more than, or at least, so many rows."""
    return _having(d, "")


def having_count_shown(d: Draw) -> Draft:
    """The same, and how many rows each has."""
    return _having(d, ", COUNT(*)")


def _having(d: Draw, beside: str) -> Draft:
    table, g = group(d)
    op, limit = d.pick([">", ">="]), d.pick([2, 3] if table.link else [2, 3, 4])
    sql = f"SELECT {g.name}{beside} FROM {table.name} GROUP BY {g.name} HAVING COUNT(*) {op} {limit};"
    bound = counted(d, op, limit, table.counter)
    return Draft(sql, {"group": d.nouns([g]), "them": d.rows(table), "limit": bound, "counter": table.counter})


def counted(d: Draw, op: str, limit: int, counter: str) -> str:
    """'more than 3', 'at least 3'; in Korean '3명 초과', '3명 이상'."""
    if d.ko:
        return f"{limit}{counter} " + ("초과" if op == ">" else "이상")
    return f"{'more than' if op == '>' else 'at least'} {limit}"


def having_aggregate(d: Draw) -> Draft:
    """Categories whose average is above or below a limit."""
    table, g = group(d)
    c = d.column(table, lambda c: c.numeric and not c.spec.get("noagg"))
    op, limit = d.pick([">", ">=", "<"]), d.value(c)
    sql = f"SELECT {g.name} FROM {table.name} GROUP BY {g.name} HAVING AVG({c.name}) {op} {limit};"
    words = aggregate_noun(d, "AVG", c)
    ways = {">": ["above", "greater than", "more than"], ">=": ["at least"], "<": ["below", "less than"]}
    text = cond.compared(d, c, op, limit, f"{table.ko}의 {words}").text if d.ko else ""
    bound = f"{d.pick(ways[op])} {d.with_unit(limit, c)}"
    slots = {"group": d.nouns([g]), "them": d.rows(table), "agg": words, "limit": bound, "cond": text}
    slots["group_one"] = d.noun(g)
    return Draft(sql, slots)


def biggest_group(d: Draw) -> Draft:
    """The category with the most rows."""
    table, g = group(d)
    sql = f"SELECT {g.name} FROM {table.name} GROUP BY {g.name} ORDER BY COUNT(*) DESC LIMIT 1;"
    return Draft(sql, {"group": d.noun(g), "them": d.rows(table), "counter": table.counter})
