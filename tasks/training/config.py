"""Settings of fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tasks.common.section import Section
from tasks.training.gpus import GPUS


class TrainingConfig(Section):
    """QLoRA settings. The defaults fit the bundled 135M model on two CPU cores."""

    quantization: Literal["nf4", "int8", "none"] = Field(
        "nf4", description="How the frozen base is held while training; 'none' is in model.dtype."
    )
    epochs: float = Field(1.0, gt=0, description="Passes over the training rows.")
    max_steps: int = Field(-1, description="Stop after this many optimizer steps; -1 means by epochs.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate.")
    lr_scheduler: Literal["cosine", "linear", "constant_with_warmup"] = Field(
        "cosine", description="How the learning rate falls after the warm-up."
    )
    warmup_share: float = Field(0.1, ge=0, lt=1, description="Share of the steps the learning rate rises for.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay.")
    batch_size: int = Field(1, ge=1, description="Sequences a device takes at once (halved when memory runs out).")
    rows_per_sequence: int = Field(
        4, ge=1, description="Rows over one schema trained as one sequence, which computes the schema once."
    )
    gradient_accumulation: int = Field(1, ge=1, description="Batches summed into one optimizer step.")
    max_length: int = Field(1024, ge=64, description="Longest row in tokens, prompt and answer together.")
    adapter: Literal["lora", "rslora", "dora"] = Field(
        "lora", description="Kind of adapter: LoRA, scaled for a high rank (rsLoRA), or with learned magnitudes (DoRA)."
    )
    lora_r: int = Field(16, ge=1, description="Rank of the adapter.")
    lora_alpha: int = Field(32, ge=1, description="Scale of the adapter (alpha / r).")
    lora_dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout on the adapter's input; costs an eighth of the time on a CPU."
    )
    target_modules: str | tuple[str, ...] = Field(
        "all-linear", description="Layers that get an adapter: 'all-linear' or a list of names."
    )
    activation_checkpointing: bool = Field(
        False,
        description="Recompute activations in the backward pass: less memory, about a third slower; switched on when "
        "one row does not fit.",
    )
    optimizer: Literal["adamw_torch", "adamw_8bit", "paged_adamw_8bit"] = Field(
        "adamw_torch", description="The 8-bit and paged ones save GPU memory."
    )
    checkpoint_every_steps: int = Field(50, ge=1, description="A killed run goes on from the last of these.")
    validation_rows: int = Field(
        0,
        ge=0,
        description="Training rows held back to pick the best of the checkpoints, by loss and then by execution "
        "accuracy; with 0 the last one is taken.",
    )
    patience: int = Field(
        3, ge=1, description="Checkpoints without a lower loss on the rows held back after which training stops."
    )
    accelerate: str | None = Field(
        None,
        description="Several devices: 'ddp', 'fsdp', 'zero2', 'zero3' (deployments/accelerate) or the path of a file "
        "of `accelerate config`; empty uses one device.",
    )
    gpu: str | None = Field(
        None, description="The card it is meant for, e.g. 'A100-40': what fits is checked against it before the start."
    )
    seed: int = Field(42, description="Seed of the adapter's start values and of the row order.")
    deadline_s: float = Field(6 * 3600, gt=0, description="Training is stopped after this many seconds.")

    @field_validator("gpu")
    @classmethod
    def _known(cls, gpu: str | None) -> str | None:
        if gpu is not None and gpu not in GPUS:
            raise ValueError(f"no card of this name is known; known: {', '.join(GPUS)}")
        return gpu
