"""PostgreSQL's rules on SQLite: every expression gets its type there, and what may differ is refused.

- `translate` walks a query clause by clause, `expressions` and `calls` its expressions, `types` knows the types.
- `runtime`, `moments` and `intervals` hold the functions that translated queries call.
"""
