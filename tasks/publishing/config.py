"""Settings of publishing."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tasks.common.section import Section

NOWHERE = "none"
HUB = "hub"


class PublishConfig(Section):
    """Where a promoted model is uploaded to. A promotion whose upload fails is not a promotion."""

    target: str = Field(
        NOWHERE,
        description="'none', 'hub' (the Hugging Face Hub), a folder, or a URL that fsspec knows such as "
        "'s3://bucket/models'.",
    )
    repository: str = Field(
        "text2sql",
        description="Repository of the merged model, on the Hub 'owner/name'; the adapter goes to the same name with "
        "'-adapter' behind it.",
    )
    private: bool = Field(True, description="Hub: make the repositories private, and refuse to upload to a public one.")
    secret_block: str | None = Field(
        None, description="Prefect Secret block that holds the Hub's token; empty means the variable HF_TOKEN."
    )
    base_model: str | None = Field(
        None, description="Hub id of the base model, for the model card; needed where model.base is a folder."
    )
    license: str | None = Field(
        None,
        description="Licence of the base model, which is the published model's; empty means what the base says.",
    )

    @field_validator("target")
    @classmethod
    def _no_secret_in_a_url(cls, target: str) -> str:
        if urlsplit(target).password:
            raise ValueError("a password does not belong into a URL that everybody sees; fsspec reads the environment")
        return target

    @property
    def wanted(self) -> bool:
        """Whether anything is published at all."""
        return self.target != NOWHERE
