"""Which of MySQL's numbers are exact (DECIMAL) and which are DOUBLE: they compare and round differently."""

from __future__ import annotations

from sqlglot import exp

from tasks.sql.rewrites import Node, family_of

# Nodes, before and after their rewrite, whose answers are doubles whatever goes in.
_DOUBLES = (
    *(exp.Sqrt, exp.Pow, exp.Exp, exp.Ln, exp.Log, exp.Rand, exp.Stddev, exp.StddevPop, exp.StddevSamp),
    *(exp.Variance, exp.VariancePop),
)
_DOUBLE_CALLS = {"my_sqrt", "my_power", "my_exp", "my_ln", "my_log", "my_number", "my_double_round"}
_DOUBLE_CALLS |= {"my_stddev_pop", "my_stddev_samp", "my_var_pop", "my_var_samp"}


def is_exact(node: Node) -> bool:
    """Whether a number is an integer or a DECIMAL; columns must carry `meta['exact']` where they are real."""
    if isinstance(node, _DOUBLES) or family_of(node) == "text":
        return False
    if isinstance(node, exp.Column):
        return family_of(node) != "real" or bool(node.meta.get("exact"))
    if isinstance(node, exp.Literal):
        return not node.is_string and "e" not in node.name.lower()
    if isinstance(node, exp.Anonymous) and node.name.lower() in _DOUBLE_CALLS:
        return False
    if isinstance(node, exp.Cast):
        return str(node.to.this.value) not in ("DOUBLE", "FLOAT")
    return all(is_exact(child) for child in _values(node))


def _values(node: Node) -> list[Node]:
    """The parts of a node that its value is made of: branches of a CASE, not its conditions."""
    match node:
        case exp.If():
            return [n for n in (node.args.get("true"), node.args.get("false")) if n is not None]
        case exp.Case():
            return [*node.args["ifs"], *([node.args["default"]] if node.args.get("default") is not None else [])]
        case exp.Anonymous() if node.name.lower() in ("my_round", "my_truncate", "my_floor", "my_ceil"):
            return node.expressions[:1]
        case exp.Anonymous() if node.name.lower() == "my_exact":
            return node.expressions[1:]
        case exp.Round() | exp.Trunc() | exp.Window():
            return [node.this]
        case exp.Subquery() | exp.Select():
            return [p.unalias() for p in node.selects]
    return [n for n in node.iter_expressions() if not isinstance(n, exp.DataType | exp.Identifier)]
