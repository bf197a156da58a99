"""Scoring: metrics, intervals, paired tests, agreement and the promotion gate."""
