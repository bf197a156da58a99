"""SQL: dialects, generated databases, the execution sandbox and equivalence. No other room runs SQL.

A library room for data and scoring: it has no `task.py`, its doors are `kinds.kind_of`, `exact.exact_match`,
`exact.canonical_match`, `checks.check_rows` and `execution.compare`.
"""
