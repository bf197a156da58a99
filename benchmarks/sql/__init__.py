"""What execution accuracy on generated databases can tell, and what it costs: `python -m benchmarks.sql`.

Each part is a module here with `run(quick, seed) -> Part`; the parts are recorded one by one.
"""
