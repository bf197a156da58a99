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

from flows.embedded import embedded_server
from tasks.common.errors import InputError, StageError
from tasks.config import load_profile
from tasks.synthesis.config import CleaningConfig, SynthesisConfig


def nightly(asked: argparse.Namespace) -> None:
    """Run one night, from data to the promotion of a model that is shown to be better."""
    config = load_profile(asked.profile)
    with embedded_server() as wait_until_up:
        from flows.checks import check_before_start
        from flows.nightly import retrain_and_evaluate

        check_before_start(config)
        wait_until_up()
        retrain_and_evaluate(config)


def compare(asked: argparse.Namespace) -> None:
    """Compare systems on the same rows: a leaderboard."""
    config = load_profile(asked.profile)
    with embedded_server() as wait_until_up:
        from flows.compare import check_before_comparing, compare_models

        check_before_comparing(config)
        wait_until_up()
        compare_models(config)


def improve(asked: argparse.Namespace) -> None:
    """Run one round of improvement of the model in use."""
    config = load_profile(asked.profile)
    with embedded_server() as wait_until_up:
        from flows.improve import check_before_improving, improve_model

        check_before_improving(config)
        wait_until_up()
        improve_model(config)


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
    config = SynthesisConfig.load(asked.config)
    with embedded_server() as wait_until_up:
        from flows.synthesize import synthesize_data

        wait_until_up()
        synthesize_data(config)


def clean(asked: argparse.Namespace) -> None:
    """Have a language model ask of every row whether it fits its context and question."""
    config = CleaningConfig.load(asked.config)
    with embedded_server() as wait_until_up:
        from flows.synthesize import clean_data

        wait_until_up()
        clean_data(config)


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
