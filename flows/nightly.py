"""The night: retrain, evaluate, and replace the model in use if the new one is shown to be better.

python -m flows.nightly --profile laptop
"""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, datetime

from prefect import flow
from prefect.runtime import flow_run

from flows.checks import check_before_start
from flows.evaluation import evaluate
from flows.finetune import finetune_model
from flows.prepare import DEFAULT
from tasks.common.errors import InputError, StageError
from tasks.config import NightlyConfig, load_profile
from tasks.models.task import contenders, promote
from tasks.reporting.night import NightRefs
from tasks.reporting.task import report
from tasks.scoring.task import decide


def _night() -> str:
    return f"night-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}"


@flow(name="retrain-and-evaluate", flow_run_name=_night)
def retrain_and_evaluate(config: NightlyConfig = DEFAULT) -> None:
    """Validate, fine-tune, merge, generate, score, judge, decide, promote, report."""
    started = datetime.now(UTC)
    prompt = check_before_start(config)
    tuned = finetune_model(config)
    champion, challenger, trial = contenders(tuned.base, tuned.merged, tuned.adapter, tuned.data, prompt, config.store)
    in_use = evaluate(champion, "champion", tuned.data, tuned.base, prompt, config)
    tonight = evaluate(challenger, "challenger", tuned.data, tuned.base, prompt, config)
    decision = decide(in_use, tonight, trial, config.gate, config.judging.min_kappa, config.store)
    outcome = promote(challenger, decision, flow_run.get_name() or "by hand", config.store)
    report(
        NightRefs(
            run_name=flow_run.get_name() or "by hand",
            started=started,
            config=config.model_dump(mode="json"),
            data=tuned.data,
            base_model=tuned.base,
            champion=in_use,
            challenger=tonight,
            adapter=tuned.adapter,
            merged_model=tuned.merged,
            parity=tuned.parity,
            decision=decision,
            outcome=outcome,
        ),
        config.report,
        config.store,
    )


def main() -> int:
    """Run one night with a profile; 0 if it ended, 2 with one line on what is wrong with the input."""
    parser = argparse.ArgumentParser(description="Run one night on Prefect's embedded server.")
    parser.add_argument("--profile", default="laptop", help="name in deployments/profiles, or path of a YAML file")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the embedded server is stopped, too
    try:
        config = load_profile(arguments.profile)
        check_before_start(config)  # before the server starts, so that a typo costs no waiting
        retrain_and_evaluate(config)
    except (InputError, StageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
