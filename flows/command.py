"""How a flow that takes a profile is run from the command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Any

from tasks.common.errors import InputError, StageError
from tasks.config import NightlyConfig, load_profile


def run_with_profile(
    flow: Callable[[NightlyConfig], Any], check: Callable[[NightlyConfig], Any], description: str
) -> int:
    """Run `flow` with the profile named on the command line.

    Args:
        flow: takes the profile.
        check: is called first, before the server starts, so that a typo costs no waiting.
        description: for `--help`.

    Returns:
        0 if it ended, 2 with one line on what is wrong with the input, 1 with one line on what could not finish.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--profile", default="laptop", help="name in deployments/profiles, or path of a YAML file")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the embedded server is stopped, too
    try:
        config = load_profile(arguments.profile)
        check(config)
        flow(config)
    except (InputError, StageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0
