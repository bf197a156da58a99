"""The adapter that is trained."""

from __future__ import annotations

from peft import LoraConfig

from tasks.training.config import TrainingConfig


def new_adapter(config: TrainingConfig) -> LoraConfig:
    """Our settings of the adapter in peft's words."""
    targets = config.target_modules
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        use_rslora=config.adapter == "rslora",
        use_dora=config.adapter == "dora",
        target_modules=targets if isinstance(targets, str) else list(targets),
    )
