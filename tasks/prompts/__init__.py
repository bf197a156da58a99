"""Prompts: one object renders the training text and the inference prompt."""
