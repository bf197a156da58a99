"""Ask the model in use.

python -m flows.ask --schema schema.sql "How many players are older than 30?"
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prefect import flow

from flows.checks import check_before_start
from flows.prepare import DEFAULT
from tasks.common.errors import InputError, StageError
from tasks.config import NightlyConfig, load_profile
from tasks.inference.ask import check_question
from tasks.inference.task import ask_model
from tasks.models.task import fetch_base, model_in_use
from tasks.prompts.prompt import Prompt


@flow(name="ask")
def ask(question: str, context: str, config: NightlyConfig = DEFAULT) -> str:
    """The SQL that the model in use writes for a question on a schema (DDL)."""
    check_question(question, context)
    prompt = check_before_start(config)
    champion = model_in_use(fetch_base(config.model, config.store), prompt, config.store)
    own = Prompt.of_model(Path(champion.path)) or prompt
    return ask_model(champion.output(), own, question, context, config.inference, config.model.precision)


def main() -> int:
    """Ask with a profile and print the SQL; 2 with one line on what is wrong with the input."""
    parser = argparse.ArgumentParser(description="Ask the model in use on Prefect's embedded server.")
    parser.add_argument("question", help="in Korean or English")
    parser.add_argument("--schema", required=True, help="file with the CREATE TABLE statements")
    parser.add_argument("--profile", default="laptop", help="name in deployments/profiles, or path of a YAML file")
    arguments = parser.parse_args()
    try:
        config = load_profile(arguments.profile)
        try:
            context = Path(arguments.schema).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--schema: '{arguments.schema}' cannot be read as UTF-8 text: {error}") from None
        check_question(arguments.question, context)  # before the server starts
        print(ask(arguments.question, context, config))
    except (InputError, StageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
