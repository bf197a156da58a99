"""What the parts share: a tiny night with a model of two layers, and what is known of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.small_model import two_layers
from tasks.config import PROFILES

ROOT = Path(__file__).parents[2]
STORE = ROOT / ".nightly" / "benchmarks" / "operations"
NIGHT = (sys.executable, "-m", "flows", "nightly", "--profile")
QUIET = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
NOT_OURS = ("OPENAI_API_KEY", "PREFECT_API_URL", "PREFECT_PROFILE", "TEXT2SQL_TASK_RUNNER")


@dataclass(frozen=True)
class Ran:
    """A night in a process of its own: its wall time, and the peak memory of that process without its children."""

    seconds: float
    peak_mb: float


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a child process: nothing of ours that matters, Prefect's files in `home`, nobody outside is told anything.

    Temporary files lie beside `home`: the lock that keeps trainings apart is one, and a night is not to wait for one
    of somebody else.
    """
    mine = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    home.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{mine['PATH']}"
    return {**mine, **QUIET, "PREFECT_HOME": str(home), "TMPDIR": str(home.parent), "PATH": path, **more}


def tiny_profile(folder: Path) -> Path:
    """The profile `tiny` with a store in `folder` and a model of two layers."""
    values = yaml.safe_load((PROFILES / "tiny.yaml").read_text("utf-8"))
    values |= {"store": str(folder / "store"), "model": {**values["model"], "base": two_layers(STORE).path}}
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    return path


@contextmanager
def started_night(profile: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A night in a process of its own; what it prints is in night.log beside the profile."""
    with (
        profile.with_name("night.log").open("wb") as log,
        subprocess.Popen([*NIGHT, str(profile)], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT) as night,
    ):
        try:
            yield night
        finally:
            night.terminate()


def run_night(profile: Path, env: Mapping[str, str]) -> Ran:
    """Run a night to its end.

    Raises:
        RuntimeError: it failed; with the end of what it printed.
    """
    began, peak = time.monotonic(), 0.0
    with started_night(profile, env) as night:
        while night.poll() is None:
            peak = max(peak, _peak_mb(night.pid))
            time.sleep(0.1)
        seconds = time.monotonic() - began
    if night.returncode:
        raise RuntimeError(f"the night failed: {profile.with_name('night.log').read_text('utf-8')[-3000:]}")
    return Ran(seconds, peak)


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def stages(profile: Path) -> dict[str, tuple[str, float]]:
    """What the night of a profile made: content hash and seconds by stage and key."""
    store = Path(yaml.safe_load(profile.read_text("utf-8"))["store"])
    made = [json.loads(file.read_text("utf-8")) for file in (store / "stages").glob("*/*/stage.json")]
    return {f"{one['stage']} {one['key']}": (one["sha256"], one["seconds"]) for one in made}
