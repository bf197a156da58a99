"""Settings of batch inference, and of the systems that are compared."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from tasks.common.section import Section
from tasks.llm.config import LlmConfig
from tasks.prompts.config import AskingConfig, PromptConfig


class InferenceConfig(Section):
    """How SQL is generated (always greedily). Champion and challenger are generated alike."""

    engine: Literal["transformers", "vllm"] = Field(
        "transformers", description="What generates; 'vllm' needs the extra of that name, and a GPU."
    )
    batch_size: int = Field(56, ge=1, description="Prompts answered at once; vLLM decides for itself.")
    max_new_tokens: int = Field(160, ge=8, description="Longest answer in tokens.")
    deadline_s: float = Field(2 * 3600, gt=0, description="Generation is stopped after this many seconds.")


class ApiConfig(LlmConfig):
    """A model behind an OpenAI-compatible API that writes SQL."""

    section: ClassVar[str] = "compare.systems.api"


class SystemConfig(AskingConfig):
    """One of the systems that are compared: a model, and how it is asked."""

    name: str = Field(min_length=1, max_length=40, description="How the leaderboard calls it.")
    model: str = Field(
        "base",
        description="'base' (that of `model.base`), 'champion' (the model in use), a version of the registry such as "
        "'v3', or a model named as in `model.base`.",
    )
    adapter: str = Field("", description="Folder of an adapter on that model, which is then quantised as it was.")
    quantization: Literal["none", "int8", "nf4"] = Field("none", description="Of the model's weights.")
    prompt: PromptConfig | None = Field(
        None, description="Empty means the prompt that the model was tuned with, or that of the night."
    )
    api: ApiConfig | None = Field(None, description="Ask a model over an API, instead of `model`.")

    @property
    def asking(self) -> AskingConfig:
        """What helps the model to answer."""
        return AskingConfig(examples=self.examples, match_columns=self.match_columns)

    @model_validator(mode="after")
    def _one_model(self) -> SystemConfig:
        if self.api and (self.adapter or self.quantization != "none" or self.model != "base"):
            raise ValueError(f"system '{self.name}': with `api` there is no model, adapter or quantization of ours")
        if self.adapter and self.quantization != "none":
            raise ValueError(f"system '{self.name}': an adapter's model is quantised as in its training")
        return self


class CompareConfig(Section):
    """Which systems are compared on the evaluation rows."""

    systems: tuple[SystemConfig, ...] = Field(
        (
            SystemConfig(name="base"),
            SystemConfig(name="base, 3 examples", examples=3),
            SystemConfig(name="in use", model="champion"),
        ),
        min_length=1,
        description="In any order; each is answered and scored on its own, and what is there already is taken.",
    )
    usd_per_hour: float = Field(
        0.1, gt=0, description="Price of an hour of the machine that answers: 0.1 is about that of two cloud cores."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> CompareConfig:
        names = [system.name for system in self.systems]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"systems: the name '{min(twice)}' is there twice")
        return self
