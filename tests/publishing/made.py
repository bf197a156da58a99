"""A night made small: a real model of 30,000 weights, its adapter, the merge of both, and made-up scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.config import NightlyConfig
from tasks.models import registry
from tasks.models.merge import merge
from tasks.models.records import Lineage, Model, Version
from tasks.prompts.config import PromptConfig
from tasks.prompts.prompt import Prompt, load_prompt
from tasks.reporting.night import NightRefs
from tasks.scoring.accuracy import count
from tasks.scoring.gate import decide
from tasks.scoring.refs import ModelRefs

TOKEN = "hf_" + "Kx7Qp2Lm9Zt4Rv1W" * 2
BASE_ID = "someone/tiny-llama"
PROMPT = load_prompt(PromptConfig())
QUESTIONS = [("CREATE TABLE players (id INT, level INT);", f"How many players of level {n}?") for n in range(4)]


class Made(NamedTuple):
    """A store with a champion (the base, v1) and a challenger (v2) that the gate wants promoted."""

    store: Path
    champion: Version
    challenger: Version
    refs: NightRefs


def stage(store: Path, name: str, write: Callable[[Path], Counts | None], of: str = "") -> StageOutput:
    return run_stage(store, name, inputs={"of": of}, code=[], build=lambda folder: write(folder) or {})


def tiny_base(folder: Path) -> Counts:
    """A Llama with random weights, large enough that it answers each prompt differently."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator(
        ["SELECT COUNT(*) FROM players WHERE level ="] * 9,
        trainers.BpeTrainer(vocab_size=290, special_tokens=special, initial_alphabet=alphabet),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=special[1], eos_token=special[2], unk_token=special[0], pad_token=special[0]
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=290, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.4, bos_token_id=1, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)  # with another end of sequence than its tokenizer's
    return {"base": str(folder)}


def tiny_adapter(base: Path, folder: Path) -> Counts:
    import torch
    from peft import LoraConfig, get_peft_model

    from tasks.models.loading import load_model

    torch.manual_seed(8)
    settings = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(load_model(str(base), "float32"), settings).save_pretrained(folder)
    PROMPT.save(folder)
    told = {"quantization": "none", "rows": 512, "steps": 128, "loss": [[n, 1.6 / n] for n in range(1, 129)]}
    (folder / "training.json").write_text(json.dumps(told))
    return {"rows": 512, "steps": 128}


def answers(folder: Path | str, adapter: Path | str | None = None, prompt: Prompt = PROMPT, **how: Any) -> list[str]:
    """What a stranger gets who follows the card: nothing but the files in `folder`."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    said = []
    for context, question in QUESTIONS:
        ids = tokenizer(prompt.render(context, question), return_tensors="pt")
        said.append(tokenizer.decode(model.generate(**ids, **how)[0, ids["input_ids"].shape[1] :]))
    return said


def scores(right: list[bool]) -> pd.DataFrame:
    rows = pd.DataFrame({"example_id": [f"{n:016x}" for n in range(60)]}).assign(
        db_id="1",
        language=["en"] * 40 + ["ko"] * 20,
        domain="games",
        complexity=["aggregation", "single join", "subqueries"] * 20,
        question="?",
        gold="SELECT 1",
        sql="SELECT 1",
    )
    outcome = ["equal" if one else "different" for one in right]
    return rows.assign(em=right, em_canonical=right, outcome=outcome, correct=right, reason="", counterexample="")


def make_night(store: Path) -> Made:
    """Everything that publishing reads, written by the code that writes it in a night, but for the scores."""
    base = stage(store, "base_model", tiny_base)
    adapter = stage(store, "adapter", lambda folder: tiny_adapter(Path(base.path), folder))

    def merged_model(folder: Path) -> Counts:
        merge({"base": base.path, "adapter": adapter.path, "dtype": "float32", "folder": str(folder)})
        (folder / "logs").mkdir()
        (folder / "logs" / "merge.log").write_text("nobody's business")
        return {"megabytes": 1}

    merged = stage(store, "merged_model", merged_model)
    lineage = Lineage(base=BASE_ID, adapter=adapter.key)

    def registered(label: str, kind: Literal["base", "merged"], model: StageOutput) -> Version:
        what = Model(
            label=label, kind=kind, path=model.path, sha256=model.sha256, prompt_sha256=PROMPT.hash, lineage=lineage
        )
        return registry.register(store, what)

    versions = [registered("base", "base", base), registered("tuned", "merged", merged)]
    registry.promote(store, "v1", {}, "the first night", "nothing was in use before")
    config = NightlyConfig.model_validate({"model": {"base": base.path}, "store": str(store)})
    tables = {"base": scores([n % 10 == 0 for n in range(60)]), "tuned": scores([n % 3 != 0 for n in range(60)])}

    def measured(label: str) -> ModelRefs:
        table = tables[label]

        def write(folder: Path) -> Counts:
            table.to_parquet(folder / "scores.parquet")
            return count(table)

        name = {"base": "v1 (base)", "tuned": "v2 (tuned)"}[label]
        predictions = stage(store, "predictions", lambda folder: None, label)
        return ModelRefs(label=name, predictions=predictions, scores=stage(store, "scores", write, label))

    decision = decide(
        tables["base"], tables["tuned"], config.gate,
        trial=1, champion="v1 (base)", challenger="v2 (tuned)", judge_note="", judged=None,
    )  # fmt: skip
    assert decision.decision == "promote"
    by = [
        {"split": split, "language": language, "domain": "shop", "complexity": "aggregation", "rows": rows}
        for split, language, rows in (("train", "en", 500), ("train", "ko", 12), ("eval", "en", 40), ("eval", "ko", 20))
    ]

    def written(name: str, text: str) -> Callable[[Path], None]:
        return lambda folder: (folder / name).write_text(text, "utf-8") and None

    summary = {"rows": 620, "train": 512, "eval": 60, "quarantined": 40, "leaked_dropped": 8, "before": by, "by": by}
    parity = {"rows": 16, "same_answers": 15, "share": 0.9375, "max_logit_difference": 0.41}
    refs = NightRefs(
        run_name="night-of-the-test",
        started=datetime(2026, 11, 21, 3, 0, tzinfo=UTC),
        config=config.model_dump(mode="json"),
        data=stage(store, "data", written("summary.json", json.dumps(summary))),
        base_model=base,
        champion=measured("base"),
        challenger=measured("tuned"),
        adapter=adapter,
        merged_model=merged,
        parity=stage(store, "parity", lambda folder: dict(parity)),
        decision=stage(store, "decision", written("decision.json", decision.model_dump_json())),
    )
    return Made(store, versions[0], versions[1], refs)
