"""A new model against the one in use: what every flow that trains ends with."""

from __future__ import annotations

from datetime import datetime

from prefect.runtime import flow_run

from flows.evaluation import evaluate
from flows.finetune import Tuned
from tasks.common.errors import InputError, StageError
from tasks.config import NightlyConfig
from tasks.models.task import contenders, promote, remove_old
from tasks.prompts.prompt import Prompt
from tasks.publishing.task import publish_if_better
from tasks.reporting.night import NightRefs
from tasks.reporting.task import report
from tasks.scoring.task import decide


def contest(tuned: Tuned, prompt: Prompt, config: NightlyConfig, started: datetime) -> None:
    """Generate, score, judge, decide, publish, promote, report.

    Args:
        tuned: the new model, and what it was made from.
        prompt: the one it was tuned with.
        config: the run's.
        started: when the run began.
    """
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
