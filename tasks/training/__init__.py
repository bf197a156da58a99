"""Training: QLoRA fine-tuning in a process of its own."""
