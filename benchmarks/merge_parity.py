"""Merge parity: how many answers of base + adapter survive the merge, by how the base was held in training.

One adapter each is trained on an NF4, a bf16 and an fp32 base and merged our way (the quantised base decoded first).
The peers for NF4: into the original 16-bit weights, as most published recipes do, and in place into the 4-bit ones.

python -m benchmarks.merge_parity [--quick]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import quick_asked, record, show
from tasks.common.process import read_job, run_module
from tasks.common.store import Counts, StageOutput, hash_folder
from tasks.data.config import DataConfig
from tasks.data.prepare import prepare_data
from tasks.inference.config import InferenceConfig
from tasks.inference.parity import check_parity
from tasks.models.base import CHILD_ENV, base_model
from tasks.models.config import ModelConfig
from tasks.models.merge import merged_model
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import load_prompt
from tasks.sql.config import SqlConfig
from tasks.training.config import TrainingConfig
from tasks.training.finetune import finetune

PROMPT = load_prompt(PromptConfig(template="columns"))
TRAININGS = {"nf4": ("nf4", "bfloat16"), "bf16": ("none", "bfloat16"), "fp32": ("none", "float32")}
OURS = "decode, then merge"
PEERS = {"into the original weights": "original", "in place into 4 bits": "in_place"}


def main() -> None:
    """Train, merge and compare; print the table and record it."""
    quick = quick_asked(__doc__)
    rows, asked = (8, 4) if quick else (96, 32)
    trainings = {"nf4": TRAININGS["nf4"]} if quick else TRAININGS
    table: list[dict[str, str | int | float]] = []
    figures: dict[str, float | int | str | None] = {"training_rows": rows, "questions": asked}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        data = prepare_data(DataConfig(train_rows={"en": rows}, eval_rows={"en": asked}), SqlConfig(databases=1), store)
        for name, (quantization, dtype) in trainings.items():
            for way, parity in compare(quantization, dtype, data, asked, store).items():
                table.append({"trained on": name, "merged": way, **parity})
                key = f"{name}_{way}".replace(" ", "_").replace(",", "")
                figures |= {f"{key}_{figure}": value for figure, value in parity.items()}
    show("Merged model against base + adapter", table)
    record("merge_parity", figures, ["torch", "transformers", "peft", "bitsandbytes", "trl"], quick)


def compare(quantization: str, dtype: str, data: StageOutput, asked: int, store: Path) -> dict[str, Counts]:
    """Parity of every way of merging one newly trained adapter."""
    model = ModelConfig.model_validate({"dtype": dtype, "parity_rows": asked, "min_parity": 0})
    training = TrainingConfig.model_validate({"quantization": quantization})
    base = base_model(model, store)
    adapter = finetune(base, data, PROMPT, training, dtype, store)
    ways = {OURS: merged_model(base, adapter, dtype, store)}
    if quantization == "nf4":
        ways |= {name: merged_otherwise(base, adapter, dtype, way, store) for name, way in PEERS.items()}
    inference = InferenceConfig(max_new_tokens=84, batch_size=16)
    return {
        name: check_parity(base, adapter, merged, data, PROMPT, model, inference, store).counts
        for name, merged in ways.items()
    }


def merged_otherwise(base: StageOutput, adapter: StageOutput, dtype: str, way: str, store: Path) -> StageOutput:
    """The same adapter merged as a peer does it."""
    folder = store / f"merged_{way}"
    folder.mkdir()
    job = {"base": base.path, "adapter": adapter.path, "dtype": dtype, "way": way, "folder": str(folder)}
    run_module("benchmarks.merge_parity", job, folder, deadline_s=3_600, env=CHILD_ENV)
    return StageOutput(stage=way, key=way, path=str(folder), sha256=hash_folder(folder), counts={}, seconds=0)


def merge(job: dict[str, Any]) -> None:
    """In a process of its own: merge as `job["way"]` says and save."""
    from peft import PeftModel

    from tasks.models.loading import load_model, load_pair, load_tokenizer

    if job["way"] == "original":
        pair = PeftModel.from_pretrained(load_model(job["base"], job["dtype"]), job["adapter"])
        merged = pair.merge_and_unload(safe_merge=True)
    else:
        merged = load_pair(job["base"], job["adapter"], job["dtype"]).merge_and_unload(safe_merge=True).dequantize()
    merged.save_pretrained(job["folder"])
    load_tokenizer(job["base"]).save_pretrained(job["folder"])
    PROMPT.save(Path(job["folder"]))


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].endswith(".json"):
        merge(read_job())
    else:
        main()
