"""Judging: an LLM's verdicts, its journal and its rate limits."""
