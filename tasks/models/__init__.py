"""Models: base weights, merge, parity and the registry of versions."""
