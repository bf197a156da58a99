"""Speed, memory, cost and quality, measured: `python -m benchmarks.<name>`, `--quick` for a look in under a minute."""
