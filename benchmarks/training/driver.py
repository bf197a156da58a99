"""One fine-tuning as a night does it, to be killed or given less memory than the machine has; and two of them compared.

python -m benchmarks.training.driver JOB.json
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from safetensors.torch import load_file

from tasks.common.store import StageOutput
from tasks.prompts.prompt import Prompt
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune


def main(file: Path) -> None:
    """Do the job and write what came of it beside it, as `.out`."""
    job = json.loads(file.read_text("utf-8"))
    if job["megabytes"]:
        resource.setrlimit(resource.RLIMIT_DATA, (job["megabytes"] * 10**6,) * 2)
    output = finetune(
        StageOutput(**job["base"]),
        StageOutput(**job["data"]),
        Prompt(**job["prompt"]),
        TrainingConfig(**job["training"]),
        job["dtype"],
        Path(job["store"]),
    )
    file.with_suffix(".out").write_text(output.model_dump_json())


def difference(one: StageOutput, other: StageOutput) -> float:
    """Largest difference between the weights of two adapters."""
    a, b = (load_file(output.file("adapter_model.safetensors")) for output in (one, other))
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
