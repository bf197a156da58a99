"""Training rows written, and rows cleaned, by a language model.

python -m flows.synthesize synthesize deployments/synthesis/example.yaml
python -m flows.synthesize clean cleaning.yaml
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from prefect import flow

from tasks.common.errors import InputError, StageError
from tasks.common.store import StageOutput
from tasks.synthesis.config import CleaningConfig, SynthesisConfig
from tasks.synthesis.stages import read_domains
from tasks.synthesis.task import clean, synthesize

DEFAULT = SynthesisConfig()


@flow(name="synthesize-data")
def synthesize_data(config: SynthesisConfig = DEFAULT) -> StageOutput:
    """Ask for schemas, questions and queries, domain by domain, until there are enough sound rows."""
    read_domains(config.domains)
    return synthesize(config)


@flow(name="clean-data")
def clean_data(config: CleaningConfig) -> StageOutput:
    """Ask of every row whether it fits its context and question, and take out those that do not."""
    return clean(config)


def main() -> int:
    """Run one of the two; 0 if it ended, 2 with one line on what is wrong with the input."""
    parser = argparse.ArgumentParser(description="Write or clean rows on Prefect's embedded server.")
    parser.add_argument("what", choices=["synthesize", "clean"])
    parser.add_argument("config", type=Path, help="YAML file with the keys of the flow's parameter `config`")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the embedded server is stopped, too
    try:
        if arguments.what == "synthesize":
            synthesize_data(SynthesisConfig.load(arguments.config))
        else:
            clean_data(CleaningConfig.load(arguments.config))
    except (InputError, StageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
