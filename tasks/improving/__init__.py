"""Improving: what the model in use gets wrong on training questions, found by execution and learned from."""
