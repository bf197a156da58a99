"""A profile as the parameters of a flow run, on one line of JSON.

prefect deployment run retrain-and-evaluate/nightly --params "$(python -m deployments.params tiny)"
"""

from __future__ import annotations

import json
import sys

from tasks.common.errors import InputError
from tasks.config import load_profile


def main(arguments: list[str]) -> int:
    """Print `{"config": ...}` for the profile named in `arguments`; the status is 2 if there is none such."""
    try:
        if len(arguments) != 1:
            raise InputError("expected one profile, e.g. python -m deployments.params tiny")
        config = load_profile(arguments[0])
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"config": config.model_dump(mode="json", exclude_unset=True)}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
