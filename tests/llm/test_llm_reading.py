from __future__ import annotations

import pytest

from tasks.llm.reading import json_objects


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('Sure:\n```json\n{"a": {"b": "}"}}\n```\nand {"c": []}.', [{"a": {"b": "}"}}, {"c": []}]),
        ('{not json {"a": "한"}', [{"a": "한"}]),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"a": [{"b": 1}', [{"b": 1}]),  # cut off: what is whole inside
        ("no", []),
        ("{" * 5000, []),
        ('{"a":' * 3_000, []),
    ],
)
def test_objects_are_found_among_anything(text: str, found: list[dict]) -> None:
    assert json_objects(text) == found
