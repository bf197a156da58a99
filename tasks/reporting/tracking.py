"""The night in MLflow, for those who keep their experiments there; an extra that need not be installed."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.common.errors import InputError
from tasks.reporting.config import ReportConfig
from tasks.reporting.history import judge_usd, stage_seconds
from tasks.reporting.night import Night
from tasks.reporting.tables import comparison

EXPERIMENT = "text2sql-nightly"
LONGEST = 500  # signs of a value that every version of MLflow takes
AT_ONCE = 100  # parameters that MLflow takes in one call
MEASURES = ("ex", "ex_low", "ex_high", "em", "em_canonical")


def check_tracking(config: ReportConfig) -> None:
    """Look whether MLflow is installed if it is asked for, without importing it.

    Raises:
        InputError: it is not.
    """
    if config.mlflow and importlib.util.find_spec("mlflow") is None:
        raise InputError("report.mlflow: MLflow needs the extra: pip install 'text2sql-nightly[mlflow]'")


def log_to_mlflow(uri: str, night: Night, page: Path, run_id: str) -> str:
    """Log parameters, metrics and the HTML page as one run of the experiment 'text2sql-nightly'.

    A flow run that reports again (a retry) goes on in its MLflow run.

    Args:
        uri: of the tracking server or file.
        night: what is logged.
        page: the night's HTML page.
        run_id: of the flow run.

    Returns:
        The id of the MLflow run.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # its seven wait four minutes for a dead server
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient(tracking_uri=uri)
    known = client.get_experiment_by_name(EXPERIMENT)
    # A server knows where its files go; without one MLflow would take the folder that the flow happens to run in.
    files = None if uri.startswith("http") else (page.resolve().parent / "mlflow").as_uri()
    experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT, artifact_location=files)
    same = client.search_runs([experiment], f"tags.flow_run_id = '{run_id}'", max_results=1) if run_id else []
    began = int(night.refs.started.timestamp() * 1000)
    tags = {"flow_run_id": run_id, "decision": night.decision.decision if night.decision else "none"}
    run = same[0] if same else client.create_run(experiment, began, {}, night.refs.run_name)
    name = run.info.run_id
    for key, value in {**tags, **{model.role: model.label for model in night.models}}.items():
        client.set_tag(name, key, value)
    if not same:  # MLflow never changes a parameter
        parameters = [Param(key, value[:LONGEST]) for key, value in flat(night.refs.config).items()]
        for first in range(0, len(parameters), AT_ONCE):
            client.log_batch(name, params=parameters[first : first + AT_ONCE])
    now = began + int(night.seconds * 1000)
    client.log_batch(name, metrics=[Metric(key, value, now, 0) for key, value in metrics(night).items()])
    client.log_artifact(name, str(page))
    client.set_terminated(name, "FINISHED")
    return str(name)


def metrics(night: Night) -> dict[str, float]:
    """Shares by model and language ('champion/ex', 'challenger/ko/ex_low'), 'gain', 'p', times and dollars."""
    found: dict[str, float] = {}
    for line in comparison(night.models, "language").to_dict("records"):
        group = "" if line["group"] == "all" else f"{line['group']}/"
        for model in night.models:
            found |= {f"{model.role}/{group}{name}": line[f"{name}_{model.role}"] for name in MEASURES}
        if night.challenger:
            found |= {f"{group}gain": line["gain"], f"{group}p": line["p_value"]}
    found |= {"seconds/night": night.seconds, "usd": judge_usd(night)}
    found |= {f"seconds/{stage}": seconds for stage, seconds in stage_seconds(night).items()}
    if night.agreement and night.agreement.kappa is not None:
        found["judge/kappa"] = night.agreement.kappa
    return {
        re.sub(r"[^\w./ -]", "_", name): float(value)  # what MLflow takes in a name
        for name, value in found.items()
        if value == value  # a share of no row is NaN
    }


def flat(values: Mapping[str, Any], under: str = "") -> dict[str, str]:
    """Nested sections as one level: {'training.epochs': '3'}; lists stay whole."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{under}{name}.")
        else:
            found[f"{under}{name}"] = str(value)
    return found
