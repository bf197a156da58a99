"""Make or update everything on the server: deployments, the training limit, automations.

python -m deployments.apply
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from deployments.automations import SETTINGS, Watch, apply_automations
from tasks.common.errors import InputError
from tasks.common.turn import TRAINING

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Apply all of it; the status is 2, with one line, if something named in it is not there."""
    try:
        if not get_current_settings().api.url:
            raise InputError("PREFECT_API_URL is not set: start a server (`make server`) and name it")
        watch = Watch.load(SETTINGS)
        command = [str(Path(sys.executable).with_name("prefect")), "--no-prompt", "deploy", "--all"]
        if status := subprocess.run(command, cwd=ROOT).returncode:
            return status
        with get_client(sync_client=True) as client:
            try:
                client.read_global_concurrency_limit_by_name(TRAINING)  # its number of slots is the team's
            except ObjectNotFound:
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=TRAINING, limit=1))
            names = apply_automations(client, watch)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"concurrency limit: {TRAINING}", *(f"automation: {name}" for name in names), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
