"""Merging: the adapter is folded into the base that it was trained on.

An adapter trained on 4-bit weights belongs to what those weights decode to, not to the original ones: added
to the originals it changes most answers. So the quantised base is decoded first, the adapter is added in
fp32, and the sum is rounded once, to the precision in which the model is served.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.common.process import as_child, run_module, tell_progress
from tasks.common.progress import Progress, silent
from tasks.common.store import Counts, StageOutput, run_stage
from tasks.models.base import CHILD_ENV

DEADLINE_S = 2 * 3600


def merged_model(
    base: StageOutput, adapter: StageOutput, dtype: str, store: Path, progress: Progress = silent
) -> StageOutput:
    """The merged model of `base` and `adapter` as a folder of safetensors, with its tokenizer and prompt."""

    def build(folder: Path) -> Counts:
        job = {"base": base.path, "adapter": adapter.path, "dtype": dtype, "folder": str(folder)}
        run_module("tasks.models.merge", job, folder, deadline_s=DEADLINE_S, progress=progress, env=CHILD_ENV)
        return {"megabytes": round(sum(f.stat().st_size for f in folder.glob("*.safetensors")) / 1e6)}

    inputs = {"base": base.sha256, "adapter": adapter.sha256, "dtype": dtype}
    code = ["tasks.models.merge", "tasks.models.loading", "tasks.prompts.chat"]
    return run_stage(store, "merged_model", inputs=inputs, code=code, build=build)


def merge(job: dict[str, Any]) -> None:
    """Merge `job["adapter"]` into `job["base"]` and save the model in `job["folder"]`."""
    import torch

    from tasks.models.loading import load_pair, load_tokenizer
    from tasks.prompts.chat import end_with_turn
    from tasks.prompts.prompt import Prompt

    folder, adapter = Path(job["folder"]), Path(job["adapter"])
    tell_progress(1, 3, "steps")
    pair = load_pair(job["base"], job["adapter"], job["dtype"], decoded=True)
    tell_progress(2, 3, "steps")
    merged = pair.to(torch.float32).merge_and_unload(safe_merge=True).to(getattr(torch, job["dtype"]))
    tokenizer = load_tokenizer(job["base"])
    prompt = Prompt.of_model(adapter)
    if prompt is not None:
        prompt.save(folder)
        if prompt.chat:
            tokenizer = end_with_turn(tokenizer, prompt)
            merged.generation_config.eos_token_id = tokenizer.eos_token_id
    merged.generation_config.pad_token_id = tokenizer.pad_token_id
    merged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tell_progress(3, 3, "steps")


if __name__ == "__main__":
    as_child(merge)
