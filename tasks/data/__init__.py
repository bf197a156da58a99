"""Data: sources, columns, validation, quarantine, leakage, splits and the bundled sample."""
