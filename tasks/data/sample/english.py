"""English word forms: plurals, articles and lists."""

from __future__ import annotations

from collections.abc import Sequence


def plural(noun: str) -> str:
    """The plural of a noun; the head is the word before 'of' ("page of text" to "pages of text")."""
    if " of " in noun:
        head, rest = noun.split(" of ", 1)
        return f"{plural(head)} of {rest}"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def with_article(noun: str) -> str:
    """The noun with 'a' or 'an'."""
    first = noun.split()[0].lower()
    vowel = first[0] in "aeiou" and not first.startswith(("uni", "use", "eu", "one"))
    return f"{'an' if vowel else 'a'} {noun}"


def listed(items: Sequence[str]) -> str:
    """The items as a list: "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
