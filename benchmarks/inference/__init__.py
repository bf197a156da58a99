"""Batch inference: speed against other ways of asking the same model, and what survives."""
