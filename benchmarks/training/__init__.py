"""Fine-tuning: what it gives in ten CPU-minutes, what each setting is worth, and what it survives."""
