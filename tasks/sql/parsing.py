"""Text to one parsed, read-only query, within limits that no honest query comes near."""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError

MAX_CHARS = 20_000
MAX_TOKENS = 2_000
MAX_NESTING = 40  # of brackets; deeper text exhausts the recursion of parsers

WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Drop,
    exp.Create,
    exp.Alter,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Merge,
    exp.TruncateTable,
)

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns about each statement it keeps as plain text


class Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """A query that is not run.

    Attributes:
        outcome: 'invalid' (the query is wrong) or 'unsupported' (it may be right, we cannot run it faithfully).
        reason: short phrase for the user.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        # Texts that a model wrote end up in files, pages and terminals.
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(reason.split()))
        self.reason = shown[:300]


def invalid(reason: str) -> Refused:
    """The query is wrong."""
    return Refused("invalid", reason)


def unsupported(what: str) -> Refused:
    """The query may be right, but its answer on SQLite is not known to be the one of its own database."""
    return Refused("unsupported", f"unsupported: {what}")


def parse_query(sql: str, dialect: str) -> exp.Query:
    """Parse one SELECT (or set operation, or WITH).

    Raises:
        Refused: empty, no SQL, more than one statement, or anything that is not a plain read.
    """
    statements = [s for s in parse_statements(sql, dialect) if not isinstance(s, exp.Semicolon)]
    if not statements:
        raise invalid("no answer")
    tree = statements[0]
    if isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.unnest()
    if len(statements) > 1 or isinstance(tree, WRITES):
        raise invalid("not one read-only query")
    if not isinstance(tree, exp.Select | exp.SetOperation):
        looks_read = isinstance(tree, exp.Column | exp.Alias | exp.Condition)
        raise invalid("syntax error: not a query" if looks_read else "not one read-only query")
    if tree.find(*WRITES):
        raise invalid("not one read-only query")
    return tree


def parse_statements(sql: str, dialect: str) -> list[exp.Expr]:
    """Parse all statements of a text, with limits on its length and nesting.

    Raises:
        Refused: the text is not SQL of this dialect or beyond the limits.
    """
    if not sql or not sql.strip(" \t\r\n;"):
        raise invalid("no answer")
    if len(sql) > MAX_CHARS:
        raise invalid(f"syntax error: longer than {MAX_CHARS:,} characters")
    if "\0" in sql:
        raise invalid("syntax error: NUL character")
    if any("\ud800" <= c <= "\udfff" for c in sql):
        raise invalid("syntax error: half of a character (a lone surrogate)")
    try:
        tokens = sqlglot.tokenize(sql, read=dialect)
        _limit(tokens)
        trees = Dialect.get_or_raise(dialect).parser().parse(tokens, sql)
    except SqlglotError as error:
        raise invalid(f"syntax error: {_first_line(error)}") from None
    except (RecursionError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        # The parser meets some malformed text with plain Python errors.
        raise invalid(f"syntax error: {type(error).__name__}") from None
    return [tree for tree in trees if tree is not None]


def _limit(tokens: list[sqlglot.Token]) -> None:
    if len(tokens) > MAX_TOKENS:
        raise invalid(f"syntax error: more than {MAX_TOKENS:,} words")
    depth = 0
    for token in tokens:
        word = token.text.upper()
        depth += (word in ("(", "[", "{", "CASE")) - (word in (")", "]", "}", "END"))
        if depth > MAX_NESTING:
            raise invalid(f"syntax error: nested more than {MAX_NESTING} deep")


def _first_line(error: Exception) -> str:
    text = str(error).split("\n", 1)[0]
    return text.replace("\x1b[4m", "").replace("\x1b[0m", "")[:160]
