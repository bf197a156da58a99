"""The bundled sample: questions on eight domains with their MySQL, in English and Korean, made by code."""

from __future__ import annotations

from pathlib import Path

PATH = Path(__file__).with_name("sample.jsonl")

DOMAINS = {
    "1": "games",
    "2": "shop",
    "3": "hospital",
    "4": "library",
    "5": "university",
    "6": "logistics",
    "7": "restaurants",
    "8": "streaming",
}
