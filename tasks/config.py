"""The one description of a night: a section for each room, read from a profile or from the Prefect UI's form."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.section import Section
from tasks.data.config import DataConfig
from tasks.improving.config import ImproveConfig
from tasks.inference.config import CompareConfig, InferenceConfig
from tasks.judging.config import JudgingConfig
from tasks.models.config import ModelConfig
from tasks.prompts.config import PromptConfig
from tasks.publishing.config import PublishConfig
from tasks.reporting.config import ReportConfig
from tasks.scoring.config import GateConfig
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig

PROFILES = Path(__file__).parent.parent / "deployments" / "profiles"


class NightlyConfig(Section):
    """A night from data to promotion. The defaults fit the bundled model and sample."""

    store: str = Field(".nightly", description="Folder that keeps outputs, models, the judge's journal and history.")
    data: DataConfig = Field(default_factory=DataConfig, description="Rows: source, validation, split.")
    sql: SqlConfig = Field(default_factory=SqlConfig, description="Generated databases that queries run on.")
    model: ModelConfig = Field(default_factory=ModelConfig, description="The base model.")
    prompt: PromptConfig = Field(default_factory=PromptConfig, description="How a row becomes a prompt.")
    training: TrainingConfig = Field(default_factory=TrainingConfig, description="Fine-tuning (QLoRA).")
    inference: InferenceConfig = Field(default_factory=InferenceConfig, description="Batch generation of SQL.")
    judging: JudgingConfig = Field(default_factory=JudgingConfig, description="The LLM judge.")
    gate: GateConfig = Field(default_factory=GateConfig, description="When a new model replaces the one in use.")
    publish: PublishConfig = Field(default_factory=PublishConfig, description="Where a promoted model is uploaded to.")
    report: ReportConfig = Field(
        default_factory=ReportConfig, description="The report: what it shows, where it is served, MLflow."
    )
    improve: ImproveConfig = Field(
        default_factory=ImproveConfig,
        description="Only for the flow improve-model: a round of learning from the model's own answers.",
    )
    compare: CompareConfig = Field(
        default_factory=CompareConfig, description="Only for the flow compare-models: the systems."
    )


def load_profile(name: str) -> NightlyConfig:
    """Read `deployments/profiles/NAME.yaml`, or the YAML file that `name` is the path of.

    Raises:
        InputError: no such profile, not YAML, or a wrong key or value in it.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml")))
        raise InputError(f"profile '{name}': no file {path}; profiles: {known}")
    return NightlyConfig.load(path)
