"""The figures of a model card: one night's results, its training and its parity, ready to be shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult

from tasks.reporting.night import Night
from tasks.reporting.shown import percent, percent_with_interval, points, short_p
from tasks.reporting.tables import ALL, comparison

GROUPS = {"en": {ALL: "all", "en": "English", "ko": "Korean"}, "ko": {ALL: "전체", "en": "영어", "ko": "한국어"}}
METRICS = {"ex": ("accuracy", "Execution accuracy"), "em": ("exact_match", "Exact match")}


def results(night: Night) -> list[dict[str, str]]:
    """The results table: one line for all rows, one a language, with the names of the groups in both languages."""
    return [
        {
            "en": GROUPS["en"].get(line["group"], line["group"]),
            "ko": GROUPS["ko"].get(line["group"], line["group"]),
            "rows": f"{line['rows']:,}",
            "before": _share(line, "ex", "champion"),
            "now": _share(line, "ex", "challenger"),
            "gain": points(line["gain"]),
            "p": short_p(line["p_value"]),
            "em": percent(line["em_challenger"]),
        }
        for line in _lines(night)
    ]


def _lines(night: Night) -> list[dict[str, Any]]:
    table = comparison(night.models, "language")
    return [{str(key): value for key, value in line.items()} for line in table.to_dict("records")]


def _share(line: dict[str, Any], measure: str, role: str) -> str:
    return percent_with_interval(*(line[f"{measure}{end}_{role}"] for end in ("", "_low", "_high")))


def model_index(night: Night) -> list[EvalResult]:
    """The same results for the Hub: shares from 0 to 1, each with its rows and its 95% Wilson interval."""
    held_out = ", ".join(night.refs.config["data"]["holdout_db_ids"])
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Text-to-SQL",
            dataset_type=source_of(night),
            dataset_name=f"{source_of(night)}, databases {held_out} held out ({GROUPS['en'].get(group, group)})",
            dataset_config=group,
            dataset_split="eval",
            dataset_revision=night.refs.data.sha256[:40],
            metric_type=kind,
            metric_name=name,
            metric_value=round(float(line[f"{measure}_challenger"]), 4),
            metric_args={
                "rows": int(line["rows"]),
                "interval_95": [round(float(line[f"{measure}_{end}_challenger"]), 4) for end in ("low", "high")],
            },
        )
        for line in _lines(night)
        for measure, (kind, name) in METRICS.items()
        if not pd.isna(line[f"{measure}_challenger"])
        for group in (str(line["group"]),)
    ]


def training(night: Night) -> dict[str, Any]:
    """How the adapter was trained: settings, and rows by language."""
    assert night.refs.adapter is not None
    told = json.loads(night.refs.adapter.file("training.json").read_text("utf-8"))
    by = pd.DataFrame(night.data["by"])
    rows = by[by["split"] == "train"].groupby("language")["rows"].sum() if len(by) else pd.Series(dtype=int)
    held = by[by["split"] == "eval"].groupby("language")["rows"].sum() if len(by) else pd.Series(dtype=int)
    return {
        **night.refs.config["training"],
        "quantization": told.get("quantization", night.refs.config["training"]["quantization"]),
        "source": source_of(night),
        "steps": night.losses[-1][0] if night.losses else 0,
        "last_loss": night.losses[-1][1] if night.losses else None,
        "languages": {str(language): int(count) for language, count in rows.items() if count},
        "held_out": {str(language): int(count) for language, count in held.items() if count},
        "domains": int(by[(by["split"] == "train") & (by["rows"] > 0)]["domain"].nunique()) if len(by) else 0,
    }


def source_of(night: Night) -> str:
    """Where the rows came from, without the folders, hosts and queries of this machine."""
    return ", ".join(_source(source) for source in night.refs.config["data"]["sources"])


def _source(source: dict[str, Any]) -> str:
    match source["kind"]:
        case "bundled":
            return "text2sql-nightly-sample"
        case "sql_table":
            return f"table {source['table']}"
        case "rows" | "spider" | "aihub":
            return Path(str(source["path"])).name
        case _:  # a data set of the Hub, or a folder in its shape
            path = Path(str(source["path"]))
            return path.name if path.is_dir() else str(source["path"])
