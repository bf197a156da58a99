"""What counts as the answer in what a model wrote.

The answer is the first SQL statement: up to and with the first `;` that stands outside quotes and comments,
or up to the next section of the prompt (`###`), a closing code fence or the end of the text. An opening
code fence before it is dropped. The raw text is always kept beside the answer.
"""

from __future__ import annotations

import re

_OPENING_FENCE = re.compile(r"^\s*```[a-zA-Z]*[ \t]*\n?")
# In turn: what ends an answer; quoted text (a doubled or escaped quote stays inside; it may be cut off); comments.
_PIECES = re.compile(
    r"""(?P<semicolon>;) | (?P<other>\#\#\#|```)
      | '(?:[^'\\]|\\.|'')*(?:'|$) | "(?:[^"\\]|\\.|"")*(?:"|$) | `[^`]*(?:`|$)
      | --[^\n]* | /\*.*?(?:\*/|$)""",
    re.VERBOSE | re.DOTALL,
)


def end_of_statement(text: str) -> int | None:
    """Where the first statement of `text` ends (after its `;`), or None while it is still going on.

    `text` is a model's output without an opening code fence.
    """
    for piece in _PIECES.finditer(text):
        if piece["semicolon"]:
            return piece.end()
        if piece["other"]:
            return piece.start()
    return None


def is_complete(raw: str) -> bool:
    """Whether a model that wrote `raw` so far may stop."""
    return end_of_statement(_OPENING_FENCE.sub("", raw, count=1)) is not None


def answer_of(raw: str) -> str:
    """The SQL statement in `raw`, stripped; empty if there is none."""
    text = _OPENING_FENCE.sub("", raw, count=1)
    return text[: end_of_statement(text)].strip()
