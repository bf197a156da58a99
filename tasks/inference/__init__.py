"""Inference: prompts in, SQL out, in batches."""
