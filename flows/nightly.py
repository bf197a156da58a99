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
from tasks.models.task import contenders, promote, remove_old
from tasks.publishing.task import publish_if_better
from tasks.reporting.night import NightRefs
from tasks.reporting.task import report
from tasks.scoring.task import decide


def _night() -> str:
    return f"night-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}"


@flow(name="retrain-and-evaluate", flow_run_name=_night)
def retrain_and_evaluate(config: NightlyConfig = DEFAULT) -> None:
    """Validate, fine-tune, merge, generate, score, judge, decide, publish, promote, report."""
    started = datetime.now(UTC)
    prompt = check_before_start(config)
    tuned = finetune_model(config)
    described = config.model_dump(mode="json")
    both = contenders(
        tuned.base, tuned.merged, tuned.adapter, tuned.parity, tuned.data, prompt, described, config.store
    )
    in_use = evaluate(both.champion, "champion", tuned.data, tuned.base, prompt, config)
    tonight = evaluate(both.challenger, "challenger", tuned.data, tuned.base, prompt, config)
    decision = decide(in_use, tonight, both.trial, config.gate, config.judging.min_kappa, config.store)
    by = flow_run.get_name() or "by hand"
    refs = NightRefs(
        run_name=by,
        started=started,
        config=described,
        data=tuned.data,
        base_model=tuned.base,
        champion=in_use,
        challenger=tonight,
        adapter=tuned.adapter,
        merged_model=tuned.merged,
        parity=tuned.parity,
        decision=decision,
    )
    try:
        publish_if_better(both.challenger, refs, config.publish, config.store)
    except (InputError, StageError) as error:
        report(refs.model_copy(update={"not_promoted": str(error)}), config.report, config.store)
        raise
    measured = [stage for stage in (tonight.scores, tonight.verdicts) if stage]
    outcome = promote(both, tuned.data, measured, decision, by, config.store)
    report(refs.model_copy(update={"outcome": outcome}), config.report, config.store)
    remove_old(config.model, config.store)


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
