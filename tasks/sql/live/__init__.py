"""Queries on a real MariaDB, MySQL or PostgreSQL instead of SQLite: the same generated rows, the server's own answers.

- `server`: schemas of our own on a server, filled and dropped again; queries read only and within a time limit.
- `guard`: what is kept from the server, and the frozen clock.
- `comparison`: one gold query and its predictions on them.
"""
