"""The judge against a local server with limits and faults, beside the cookbook's loop: `python -m benchmarks.judging`.

Each part is a module here with `run(quick) -> figures`; the parts are recorded one by one.
"""
