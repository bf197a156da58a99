"""What goes to MLflow, and how, with a client that only remembers; MLflow itself need not be installed."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from tasks.common.errors import InputError
from tasks.reporting.config import ReportConfig
from tasks.reporting.night import Night, NightRefs, read_night
from tasks.reporting.tracking import check_tracking, flat, log_to_mlflow, metrics


@dataclass
class Run:
    name: str
    start: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    status: str = "RUNNING"


class Client:
    """The calls of MLflow's client that are used, as they behave against a server."""

    experiments: ClassVar[dict[str, str | None]] = {}
    runs: ClassVar[list[Run]] = []

    def __init__(self, tracking_uri: str) -> None:
        self.uri = tracking_uri

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="1") if name in self.experiments else None

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        self.experiments[name] = artifact_location
        return "1"

    def search_runs(self, experiments: list[str], told: str, max_results: int) -> list[Any]:
        wanted = told.removeprefix("tags.flow_run_id = '").removesuffix("'")
        found = [n for n, run in enumerate(self.runs) if run.tags.get("flow_run_id") == wanted]
        return [SimpleNamespace(info=SimpleNamespace(run_id=str(n))) for n in found][:max_results]

    def create_run(self, experiment: str, start: int, tags: dict[str, str], name: str) -> Any:
        self.runs.append(Run(name, start, tags))
        return SimpleNamespace(info=SimpleNamespace(run_id=str(len(self.runs) - 1)))

    def set_tag(self, run: str, key: str, value: str) -> None:
        self.runs[int(run)].tags[key] = value

    def log_batch(self, run: str, metrics: Any = (), params: Any = ()) -> None:
        assert len(params) <= 100
        for key, value in params:
            assert key not in self.runs[int(run)].params, "MLflow never changes a parameter"
            assert len(value) <= 500
            self.runs[int(run)].params[key] = value
        self.runs[int(run)].metrics |= {key: value for key, value, _, _ in metrics}

    def log_artifact(self, run: str, path: str) -> None:
        self.runs[int(run)].files.append(Path(path).name)

    def set_terminated(self, run: str, status: str) -> None:
        self.runs[int(run)].status = status


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    package, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    package.MlflowClient = Client  # type: ignore[attr-defined]
    entities.Metric = entities.Param = lambda *values: values  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", package)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    monkeypatch.setitem(os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(Client, "experiments", {})
    monkeypatch.setattr(Client, "runs", [])
    return Client


@pytest.fixture(scope="module")
def night(night_refs: NightRefs) -> Night:
    return read_night(night_refs, 754.0)


def test_a_night_is_a_run_and_a_retry_goes_on_in_it(mlflow: type[Client], night: Night, tmp_path: Path) -> None:
    page = tmp_path / "reports" / "night.html"
    first = log_to_mlflow("http://mlflow", night, page, "run-1")
    assert log_to_mlflow("http://mlflow", night, page, "run-1") == first
    assert log_to_mlflow("http://mlflow", night, page, "run-2") != first
    run, _ = mlflow.runs
    assert (run.name, run.status, run.files) == ("brave-otter", "FINISHED", ["night.html", "night.html"])
    assert run.start == int(night.refs.started.timestamp() * 1000)
    assert run.tags == {"flow_run_id": "run-1", "decision": "promote", "champion": "base", "challenger": "v7"}
    assert run.params["training.epochs"] == str(night.refs.config["training"]["epochs"])
    assert len(run.params) > 100, "in more than one call"
    assert run.metrics == metrics(night)


def test_files_go_beside_the_pages_where_no_server_keeps_them(
    mlflow: type[Client], night: Night, tmp_path: Path
) -> None:
    log_to_mlflow("http://mlflow", night, tmp_path / "night.html", "a")
    assert mlflow.experiments.pop("text2sql-nightly") is None
    log_to_mlflow(f"sqlite:///{tmp_path}/mlflow.db", night, tmp_path / "night.html", "a")
    assert mlflow.experiments["text2sql-nightly"] == (tmp_path / "mlflow").as_uri()


def test_the_metrics_are_the_nights_figures(night: Night) -> None:
    told = metrics(night)
    assert told["champion/en/ex"] == 0.1
    assert told["challenger/en/ex"] == 0.8
    assert told["en/gain"] == pytest.approx(0.7)
    assert told["seconds/night"] == 754.0
    assert told["p"] < 0.001
    assert {"usd", "judge/kappa", "champion/ex_low", "seconds/adapter"} <= told.keys()
    assert not any(math.isnan(value) for value in told.values())
    # In a folder of files, where a name is a path, none may be a file and a folder at once.
    assert not [name for name in told if any(other.startswith(f"{name}/") for other in told)]


def test_nested_sections_become_names_with_dots() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": None}, "e": [1, 2]}) == {"a.b.c": "1", "a.d": "None", "e": "[1, 2]"}


def test_mlflow_that_is_asked_for_and_not_there_is_told_before_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check_tracking(ReportConfig())
    with pytest.raises(InputError, match=r"^report\.mlflow: .*text2sql-nightly\[mlflow\]"):
        check_tracking(ReportConfig(mlflow="sqlite:///x.db"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    check_tracking(ReportConfig(mlflow="sqlite:///x.db"))


@pytest.mark.parametrize("wrong", [{"mlflow": ""}, {"url": "reports/"}, {"url": "ftp://x"}])
def test_addresses_that_are_none_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"^test: {next(iter(wrong))}: "):
        ReportConfig.read(wrong, "test")
