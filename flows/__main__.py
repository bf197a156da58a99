"""The flows from the command line, without a server.

    python -m flows nightly --profile laptop
    python -m flows ask --schema schema.sql "How many players are older than 30?"
    python -m flows synthesize deployments/synthesis/example.yaml

What was typed is read before a flow is imported, which takes seconds, so a typo is told at once.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from flows.embedded import embedded_server
from tasks.common.errors import InputError, StageError
from tasks.config import load_profile
from tasks.synthesis.config import CleaningConfig, SynthesisConfig


def nightly(asked: argparse.Namespace) -> None:
    """Run one night, from data to the promotion of a model that is shown to be better."""
    _run(load_profile(asked.profile), "flows.nightly:retrain_and_evaluate", "flows.checks:check_before_start")


def compare(asked: argparse.Namespace) -> None:
    """Compare systems on the same rows: a leaderboard."""
    _run(load_profile(asked.profile), "flows.compare:compare_models", "flows.compare:check_before_comparing")


def improve(asked: argparse.Namespace) -> None:
    """Run one round of improvement of the model in use."""
    _run(load_profile(asked.profile), "flows.improve:improve_model", "flows.improve:check_before_improving")


def ask(asked: argparse.Namespace) -> None:
    """Ask the model in use, and print the SQL."""
    config = load_profile(asked.profile)
    try:
        context = Path(asked.schema).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--schema: '{asked.schema}' cannot be read as UTF-8 text: {error}") from None
    with embedded_server() as wait_until_up:
        from flows.ask import ask as ask_model
        from tasks.inference.ask import check_question

        check_question(asked.question, context)
        wait_until_up()
        print(ask_model(asked.question, context, config))


def synthesize(asked: argparse.Namespace) -> None:
    """Have a language model write training rows."""
    _run(SynthesisConfig.load(asked.config), "flows.synthesize:synthesize_data")


def clean(asked: argparse.Namespace) -> None:
    """Have a language model ask of every row whether it fits its context and question."""
    _run(CleaningConfig.load(asked.config), "flows.synthesize:clean_data")


def _run(config: Any, flow: str, check: str | None = None) -> None:
    """Run a flow when its check has passed; both are named as MODULE:NAME, as importing them takes seconds."""
    with embedded_server() as wait_until_up:
        run = resolve_name(flow)
        if check:
            resolve_name(check)(config)
        wait_until_up()
        run(config)


def main() -> int:
    """0 if the flow ended, 2 with one line on what is wrong with the input, 1 with one line on what cannot finish."""
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the embedded server is stopped, too
    try:
        asked.run(asked)
    except (InputError, StageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description="Run a flow on Prefect's embedded server.")
    commands = parser.add_subparsers(required=True, metavar="FLOW")
    for run in (nightly, compare, improve, ask, synthesize, clean):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if run is ask:
            command.add_argument("question", help="in Korean or English")
            command.add_argument("--schema", required=True, help="file with the CREATE TABLE statements")
        if run in (synthesize, clean):
            command.add_argument("config", type=Path, help="YAML file with the keys of the flow's parameter `config`")
        else:
            named = "name in deployments/profiles, or path of a YAML file"
            command.add_argument("--profile", default="laptop", help=named)
    return parser


if __name__ == "__main__":
    sys.exit(main())
