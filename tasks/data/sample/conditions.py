"""Conditions: a piece of a WHERE clause with its wording in both languages.

In English a condition follows a plural noun ("players whose level is above 30"). In Korean it stands
before the noun and has three endings: before a noun ("레벨이 30 이상인"), "and" ("이상이고") and "or" ("이상이거나").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.data.sample import english
from tasks.data.sample.draw import SIZES, Draw, UnfitError, adnominal, literal
from tasks.data.sample.schema import Column, Table

IS = ("인", "이고", "이거나")


@dataclass(frozen=True)
class Condition:
    """`sql` has {c} where the column's name goes; `text` is the wording before a noun.

    `ands` and `ors` are the wordings that another condition can follow, '' if there is none.
    """

    column: Column
    sql: str
    text: str
    ands: str = ""
    ors: str = ""

    def where(self, prefix: str = "") -> str:
        """The SQL, its column qualified by `prefix` ("players.")."""
        return self.sql.replace("{c}", prefix + self.column.name)


def _english(column: Column, sql: str, text: str) -> Condition:
    clause = text if text.startswith(("whose", "who ", "that ")) else ""
    return Condition(column, sql, text, clause, clause)


def _korean(column: Column, sql: str, stem: str, endings: tuple[str, str, str] = IS) -> Condition:
    before_noun, ands, ors = (stem + ending for ending in endings)
    return Condition(column, sql, before_noun, ands, ors)


def category(d: Draw, table: Table) -> Condition:
    """Class = 'Mage'."""
    c = d.column(table, lambda c: c.role == "category")
    value = d.value(c)
    sql = f"{{c}} = {literal(value)}"
    quoted = d.pick([f"'{value}'", f"'{value}'", str(value)])
    own = c.spec.get(f"{d.language}_is")
    if own and d.rng.random() < 0.5:
        return Condition(c, sql, own.replace("{v}", str(value)))
    if d.ko:
        return _korean(c, sql, f"{c.ko}이(가) {quoted}")
    with_it = [] if own else [f"with the {c.en} '{value}'"]
    return _english(c, sql, d.pick([f"whose {c.en} is {quoted}", *with_it]))


def category_not(d: Draw, table: Table) -> Condition:
    """Class <> 'Mage'."""
    c = d.column(table, lambda c: c.role == "category" and "missing" not in c.spec)
    value = d.value(c)
    sql = f"{{c}} <> {literal(value)}"
    if d.ko:
        return _korean(c, sql, f"{c.ko}이(가) '{value}'이(가) 아", ("닌", "니고", "니거나"))
    return _english(c, sql, f"whose {c.en} is not '{value}'")


def in_list(d: Draw, table: Table) -> Condition:
    """Class IN ('Mage', 'Archer')."""
    c = d.column(table, lambda c: c.role == "category")
    a, b = d.two_values(c)
    sql = f"{{c}} IN ({literal(a)}, {literal(b)})"
    if d.ko:
        return _korean(c, sql, f"{c.ko}이(가) " + d.pick([f"'{a}' 또는 '{b}'", f"'{a}'이거나 '{b}'"]))
    form = d.pick(["whose {n} is '{a}' or '{b}'", "whose {n} is either '{a}' or '{b}'"])
    return _english(c, sql, form.format(n=c.en, a=a, b=b))


EN_NUMBER = {
    ">": [
        "whose {n} is greater than {v}",
        "whose {n} is above {v}",
        "whose {n} is more than {v}",
        "with {an} over {v}",
    ],
    ">=": ["whose {n} is at least {v}", "whose {n} is {v} or more", "with {an} of at least {v}"],
    "<": ["whose {n} is less than {v}", "whose {n} is below {v}", "with {an} under {v}"],
    "<=": ["whose {n} is at most {v}", "whose {n} is {v} or less", "with {an} of no more than {v}"],
}
KO_NUMBER = {
    ">": [("{n}이(가) {v} 초과", IS), ("{n}이(가) {v}을(를) 초과하", ("는", "고", "거나"))],
    ">=": [("{n}이(가) {v} 이상", IS)],
    "<": [("{n}이(가) {v} 미만", IS)],
    "<=": [("{n}이(가) {v} 이하", IS), ("{n}이(가) {v}을(를) 넘지 않", ("는", "고", "거나"))],
}


def number(d: Draw, table: Table) -> Condition:
    """Level >= 30."""
    c = d.column(table, lambda c: c.numeric)
    op = d.pick([">", ">", ">=", ">=", "<", "<="])
    return compared(d, c, op, d.value(c))


def compared(d: Draw, c: Column, op: str, value: object, noun: str = "") -> Condition:
    """A number compared; `noun` replaces the column's noun ("average level")."""
    value_text, sql = d.with_unit(value, c), f"{{c}} {op} {literal(value)}"
    noun = noun or d.measure(c)
    if not d.ko:
        forms = [f for f in EN_NUMBER[op] if "{an}" not in f or not c.spec.get("mass")]
        return _english(c, sql, d.pick(forms).format(n=noun, an=english.with_article(noun), v=value_text))
    forms_ko = list(KO_NUMBER[op])
    if op in "><":
        stem = SIZES[c.spec["size"]][2 if op == ">" else 3]
        more = ("{n}이(가) {v}보다 ", (adnominal(stem), f"{stem}고", f"{stem}거나"))
        forms_ko += [more, more]
    stem_text, endings = d.pick(forms_ko)
    return _korean(c, sql, stem_text.format(n=noun, v=value_text), endings)


def between(d: Draw, table: Table) -> Condition:
    """Level BETWEEN 10 AND 30, or a date between two dates."""
    c = d.column(table, lambda c: c.numeric or c.role == "date")
    if c.numeric:
        low, high = d.two_values(c)
        low_text, high_text = d.with_unit(low, c), d.with_unit(high, c)
    else:
        low, high = sorted([d.day(c), d.day(c)])
        low_text, high_text = d.spoken_days(low, high)
    sql = f"{{c}} BETWEEN {literal(low)} AND {literal(high)}"
    if not d.ko:
        noun = d.measure(c)
        form = d.pick(["whose {n} is between {a} and {b}", "whose {n} is in the range {a} to {b}"])
        return Condition(c, sql, form.format(n=noun, a=low_text, b=high_text))
    if c.numeric:
        return _korean(
            c,
            sql,
            d.pick([f"{c.ko}이(가) {low_text} 이상 {high_text} 이하", f"{c.ko}이(가) {low_text}에서 {high_text} 사이"]),
        )
    if d.rng.random() < 0.5:
        return Condition(c, sql, f"{low_text}부터 {high_text}까지 {c.spec['ko_verb']}")
    return _korean(c, sql, f"{c.ko}이(가) {low_text}부터 {high_text} 사이")


# A DATETIME holds a time of day: only ">= day" and "< day" mean the same for it as for a DATE.
EN_DAY = {">": "after {v}", ">=": "on or after {v}", "<": "before {v}", "<=": "on or before {v}"}
KO_DAY = {">": "{v}보다 늦게", ">=": "{v}부터", "<": "{v} 전에", "<=": "{v}까지"}
KO_DAY_NOUN = {
    ">": ("{v}보다 늦", ("은", "고", "거나")),
    ">=": ("{v} 이후(당일 포함)", IS),
    "<": ("{v}보다 이", ("른", "르고", "르거나")),
    "<=": ("{v} 이전(당일 포함)", IS),
}


def day(d: Draw, table: Table) -> Condition:
    """joined_on > '2023-05-01'."""
    c = d.column(table, lambda c: c.role in ("date", "time"))
    op = d.pick([">", ">=", "<", "<="] if c.role == "date" else [">=", "<"])
    value = d.day(c)
    sql, (spoken,) = f"{{c}} {op} {literal(value)}", d.spoken_days(value)
    if not d.ko:
        when = EN_DAY[op].format(v=spoken)
        return _english(c, sql, d.pick([f"{table.who} {c.spec['en_verb']} {when}", f"whose {c.en} is {when}"]))
    if d.rng.random() < 0.6:
        return Condition(c, sql, f"{KO_DAY[op].format(v=spoken)} {c.spec['ko_verb']}")
    stem, endings = KO_DAY_NOUN[op]
    return _korean(c, sql, f"{c.ko}이(가) {stem.format(v=spoken)}", endings)


def year(d: Draw, table: Table) -> Condition:
    """YEAR(joined_on) = 2023."""
    c = d.column(table, lambda c: c.role in ("date", "time"))
    value = d.day(c).year
    sql = f"YEAR({{c}}) = {value}"
    if d.ko:
        past = _past_and(c)
        return Condition(c, sql, f"{value}년에 {c.spec['ko_verb']}", f"{value}년에 {past}" if past else "")
    verb = c.spec["en_verb"]
    form = d.pick(
        [f"{table.who} {verb} in {value}", f"{table.who} {verb} in the year {value}", f"whose {c.en} is in {value}"]
    )
    return _english(c, sql, form)


def _past_and(c: Column) -> str:
    """'가입한' as '가입했고'; '' for verbs that do not bend this way."""
    verb = str(c.spec["ko_verb"])
    return verb[:-1] + "했고" if verb.endswith("한") else verb[:-1] + "됐고" if verb.endswith("된") else ""


def month(d: Draw, table: Table) -> Condition:
    """MONTH(joined_on) = 5."""
    c = d.column(table, lambda c: c.role in ("date", "time"))
    value = d.day(c)
    sql = f"MONTH({{c}}) = {value.month}"
    verb = c.spec[f"{d.language}_verb"]
    if d.ko:
        any_year = d.pick(["연도와 관계없이", "어느 해든"])
        return Condition(c, sql, f"{any_year} {value.month}월에 {verb}")
    return _english(c, sql, f"{table.who} {verb} in {value:%B} of any year")


def like(d: Draw, table: Table) -> Condition:
    """Nickname LIKE 'Sh%'."""
    c = d.column(table, lambda c: c.role == "label")
    words = str(d.value(c)).split()
    if d.rng.random() < 0.6:
        person = bool(table.spec.get("person"))
        start = words[0][0] if d.ko and person else words[0][:2] if d.ko else words[0][: d.pick([1, 2, 3])]
        if d.ko:
            return _korean(c, f"{{c}} LIKE '{start}%'", f"{c.ko}이(가) '{start}'(으)로 시작하", ("는", "고", "거나"))
        return _english(
            c,
            f"{{c}} LIKE '{start}%'",
            d.pick([f"whose {c.en} starts with '{start}'", f"whose {c.en} begins with '{start}'"]),
        )
    part = words[-1]
    if d.rng.random() < 0.5:
        part = part[-2:]
        if d.ko:
            return _korean(c, f"{{c}} LIKE '%{part}'", f"{c.ko}이(가) '{part}'(으)로 끝나", ("는", "고", "거나"))
        return _english(c, f"{{c}} LIKE '%{part}'", f"whose {c.en} ends with '{part}'")
    if d.ko:
        return _korean(c, f"{{c}} LIKE '%{part}%'", f"{c.ko}에 '{part}'이(가) 포함", ("된", "되고", "되거나"))
    return _english(
        c, f"{{c}} LIKE '%{part}%'", d.pick([f"whose {c.en} contains '{part}'", f"that have '{part}' in their {c.en}"])
    )


def missing(d: Draw, table: Table) -> Condition:
    """returned_on IS NULL, or IS NOT NULL."""
    c = d.column(table, lambda c: "missing" in c.spec)
    words = c.spec["missing"]
    if d.rng.random() < 0.65:
        return _bare(d, table, c, "{c} IS NULL", words[d.language])
    return _bare(d, table, c, "{c} IS NOT NULL", words[f"{d.language}_not"])


def _bare(d: Draw, table: Table, c: Column, sql: str, words: str) -> Condition:
    return Condition(c, sql, words) if d.ko else _english(c, sql, f"{table.who} {words}")


SIMPLE: list[Callable[[Draw, Table], Condition]] = [category, category, number, number, day, year]


def simple(d: Draw, table: Table) -> Condition:
    """Any of the common conditions that the table has columns for."""
    for make in d.rng.sample(SIMPLE, len(SIMPLE)):
        try:
            return make(d, table)
        except UnfitError:
            continue
    raise UnfitError


def joined(d: Draw, first: Condition, second: Condition, word: str) -> str:
    """The wording of two conditions tied by 'and' or 'or'."""
    tied = first.ands if word == "and" else first.ors
    if not tied or first.column == second.column or not (d.ko or second.ands):
        raise UnfitError
    if word == "or" and not second.ors:
        raise UnfitError
    return f"{tied} {second.text}" if d.ko else f"{tied} {word} {second.text}"


def which(d: Draw, table: Table, text: str) -> str:
    """The rows of a table under a condition: "players whose …" or "… 플레이어"."""
    return f"{text} {table.ko}" if d.ko else f"{table.en_plural} {text}"
