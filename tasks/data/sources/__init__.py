"""Sources: where rows come from. One module a source, each a function that yields a `Record` for every row.

`read.read_rows` joins the sources of a night into one table, `config` holds their sections.
"""
