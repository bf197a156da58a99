from __future__ import annotations

from pathlib import Path

import pytest

DOMAINS = """\
domains:
  - {name: library, description: Books and loans., languages: [en, ko]}
  - {name: league, description: Clubs and matches.}
"""


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.llm.client.BACKOFF_S", 0.02)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def domains(tmp_path: Path) -> str:
    path = tmp_path / "fields.yaml"
    path.write_text(DOMAINS, "utf-8")
    return str(path)
