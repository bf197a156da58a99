"""What every flow looks at before it starts anything that costs time."""

from __future__ import annotations

import os
from pathlib import Path

from flows.again import go_on
from flows.runner import check_runner
from tasks.common.errors import InputError
from tasks.config import NightlyConfig
from tasks.data.sources.read import check_sources
from tasks.inference.vllm_engine import check_vllm
from tasks.models.base import check_base
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.publishing.upload import check_publishing
from tasks.reporting.tracking import check_tracking
from tasks.training.finetune import accelerate_file


def check_before_start(config: NightlyConfig) -> Prompt:
    """Check that data, base model, prompt and store can be used, in a few seconds.

    Returns:
        The prompt of the night.

    Raises:
        InputError: one line that names the key and the file or model that is wrong.
        StageError: the run has crashed so often that once more would not help.
    """
    go_on()
    check_runner()
    check_sources(config.data)
    check_base(config.model)
    check_publishing(config.publish, config.model.base, os.environ.get("HF_TOKEN"))
    check_tracking(config.report)
    if config.inference.engine == "vllm":
        check_vllm()
    if config.training.accelerate:
        accelerate_file(config.training.accelerate)
    prompt = load_prompt(config.prompt)
    try:
        Path(config.store).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"store: '{config.store}' cannot be used as a folder: {error.strerror}") from None
    return prompt
