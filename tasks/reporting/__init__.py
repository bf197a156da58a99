"""Reporting: tables, plots, Prefect artifacts, the HTML page and history."""
