"""A round of improvement as a user starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_before_the_first_night_it_ends_with_one_line_and_makes_nothing(
    tmp_path: Path, guarded_env: dict[str, str]
) -> None:
    profile = tmp_path / "profile.yaml"
    profile.write_text(f"store: {tmp_path / 'store'}\nimprove:\n  method: dpo\n")
    command = [sys.executable, "-m", "flows", "improve", "--profile", str(profile)]
    env = guarded_env | {"PREFECT_HOME": str(tmp_path / "prefect")}
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert out.returncode == 2, out.stdout + out.stderr
    (line,) = [line for line in out.stderr.splitlines() if line.startswith("error: ")]
    assert "nothing tuned is in use yet" in line and "run a night first" in line
    assert not (tmp_path / "store" / "stages").exists()
