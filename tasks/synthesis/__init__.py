"""Synthesis: training rows written by a language model, and rows it finds unfit taken out."""
