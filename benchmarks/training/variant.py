"""Our training script with a change that no setting makes, to measure what it would be worth."""

from __future__ import annotations

from typing import Any

from tasks.common.process import read_job
from tasks.training import train


def whole_text() -> None:
    """Learn the prompt, too, not the answer only."""
    pack = train.pack

    def packed(*args: Any) -> list[dict[str, list[int]]]:
        return [{**sequence, "labels": sequence["input_ids"]} for sequence in pack(*args)]

    train.pack = packed  # type: ignore[assignment]


def fp32_adapter() -> None:
    """Keep the adapter in fp32, which TRL casts to bf16 on a quantised base."""

    class Trainer(train.CompletionTrainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            train.in_fp32(self.model)

    train.CompletionTrainer = Trainer  # type: ignore[misc]


def compiled() -> None:
    """Compile the layers before they train."""
    load = train.load_model

    def compiling(*args: Any) -> Any:
        model = load(*args)
        model.model.compile()
        return model

    train.load_model = compiling  # type: ignore[assignment]


VARIANTS = {"whole text": whole_text, "fp32 adapter": fp32_adapter, "compiled": compiled}

if __name__ == "__main__":
    told = read_job()
    VARIANTS[told["variant"]]()
    train.main(told)
