"""The model card: metadata that the Hub understands, and the same story in English and Korean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.models.records import Version
from tasks.prompts.prompt import Prompt
from tasks.publishing.config import HUB, PublishConfig
from tasks.publishing.figures import model_index, results, training
from tasks.publishing.origin import Origin
from tasks.publishing.publication import Kind, repository_of
from tasks.publishing.stop import end_of_sequence
from tasks.reporting.night import Night

TAGS = ["text2sql", "text-to-sql", "sql", "qlora"]
LIBRARY = {"merged": "transformers", "adapter": "peft"}
RELATION = {"merged": "merge", "adapter": "adapter"}
NAMES = {"en": {"en": "English", "ko": "영어"}, "ko": {"en": "Korean", "ko": "한국어"}}
PRECISION = {
    "nf4": {"en": "QLoRA on the base in 4 bits (NF4)", "ko": "4비트(NF4) 기반 모델에 QLoRA"},
    "int8": {"en": "LoRA on the base in 8 bits", "ko": "8비트 기반 모델에 LoRA"},
    "none": {"en": "LoRA on the base in its own precision", "ko": "기반 모델의 원래 정밀도에 LoRA"},
}
PLOTS = {"accuracy.png": "Execution accuracy by kind of query", "loss.png": "Training loss", "rows.png": "Rows"}
MERGED_CODE = """import json
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer
{download}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
template = json.loads(Path(folder, "prompt.json").read_text("utf-8"))["template"]
schema = "{schema}"
prompt = template.replace("{slot}", schema).replace("{{question}}", "How many players are there?")
{ids}
written = model.generate(**ids)[0, ids["input_ids"].shape[1] :]
print(tokenizer.decode(written, skip_special_tokens=True))"""
PLAIN_IDS = 'ids = tokenizer(prompt, return_tensors="pt")'
CHAT_IDS = """ids = tokenizer.apply_chat_template(
    [{"role": "user", "content": prompt}], add_generation_prompt=True, enable_thinking=False,
    return_tensors="pt", return_dict=True,
)"""
ADAPTER_CODE = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer{quantised_import}
{download}
{quantised}base = AutoModelForCausalLM.from_pretrained("{base}"{quantised_use})
model = PeftModel.from_pretrained(base, folder)
tokenizer = AutoTokenizer.from_pretrained(folder)"""
QUANTISED = {
    "nf4": """quantised = BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
)
""",
    "int8": "quantised = BitsAndBytesConfig(load_in_8bit=True)\n",
}


def card(kind: Kind, version: Version, night: Night, found: Origin, config: PublishConfig, plots: list[str]) -> str:
    """README.md of the repository of `kind`.

    Args:
        kind: which of the two repositories.
        version: what is published.
        night: how it was trained and measured.
        found: its base model and licence.
        config: the repositories' names.
        plots: files beside the card, in the order of the page.
    """
    name = config.repository.rpartition("/")[2]
    prompt = Prompt.of_model(Path(version.path))
    assert prompt is not None  # a merged model is saved with it
    told = training(night)
    values = {
        "kind": kind,
        "name": name,
        "version": version.version,
        "base": found.base_model,
        "decoded_from": found.decoded_from,
        "before": night.models[0].label,
        "results": results(night),
        "plots": [{"file": plot, "en": PLOTS[Path(plot).name]} for plot in plots],
        "training": told,
        "precision": PRECISION[told["quantization"]],
        "rows": {language: _rows(told["languages"], language) for language in ("en", "ko")},
        "held_out": {language: _rows(told["held_out"], language) for language in ("en", "ko")},
        "parity": night.refs.parity.counts if night.refs.parity else {},
        "columns": "{columns}" in prompt.template,
        "endpoint": "/v1/chat/completions" if prompt.chat else "/v1/completions",
        "eos": _eos(Path(version.path)),
        "code": _code(kind, version, config, prompt, found, told),
        "served": config.repository if config.target == HUB else "FOLDER",
    }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown, not HTML
        keep_trailing_newline=True,
    )
    page = environment.get_template("card.md").render(values)
    return f"---\n{_metadata(kind, name, night, found).to_yaml()}\n---\n\n{page}"


def _metadata(kind: Kind, name: str, night: Night, found: Origin) -> ModelCardData:
    measured = model_index(night) if kind == "merged" else None  # the adapter by itself was not measured
    return ModelCardData(
        model_name=name if measured else None,
        base_model=found.base_model,
        base_model_relation=RELATION[kind],
        library_name=LIBRARY[kind],
        pipeline_tag="text-generation",
        license=found.license,
        language=["en", "ko"],
        tags=[*TAGS, "lora"] if kind == "adapter" else TAGS,
        metrics=["accuracy", "exact_match"],
        eval_results=measured,
    )


def _rows(counts: dict[str, int], language: str) -> str:
    """'900 English and 40 Korean rows', '영어 900행, 한국어 40행'."""
    names = {key: NAMES.get(key, {}).get(language, key) for key in counts}
    if language == "ko":
        return ", ".join(f"{names[key]} {count:,}행" for key, count in counts.items()) or "0행"
    return (" and ".join(f"{count:,} {names[key]}" for key, count in counts.items()) or "0") + " rows"


def _eos(folder: Path) -> str:
    token, number = end_of_sequence(folder)
    return f"`{token}` ({number})"


def _code(
    kind: Kind, version: Version, config: PublishConfig, prompt: Prompt, found: Origin, told: dict[str, Any]
) -> str:
    repository = repository_of(config.repository, kind)
    download = f'\nfolder = "{repository}/{version.version}"  # where you keep it'
    if config.target == HUB:
        fetch = f'folder = snapshot_download("{repository}", revision="{version.version}")'
        download = f"from huggingface_hub import snapshot_download\n\n{fetch}"
    if kind == "adapter":
        held = QUANTISED.get(told["quantization"], "")
        return ADAPTER_CODE.format(
            download=download,
            base=found.base_model,
            quantised=held,
            quantised_use=", quantization_config=quantised" if held else "",
            quantised_import=", BitsAndBytesConfig" if held else "",
        )
    columns = "{columns}" in prompt.template
    return MERGED_CODE.format(
        download=download,
        slot="{columns}" if columns else "{context}",
        ids=CHAT_IDS if prompt.chat else PLAIN_IDS,
        schema="players(id, nickname)" if columns else "CREATE TABLE players (id INT, nickname VARCHAR(50));",
    )
