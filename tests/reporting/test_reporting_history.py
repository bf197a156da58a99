"""The history of the nights: what is kept, what is survived, what is shown of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.reporting import history_plots, plots
from tasks.reporting.history import History, read_history, remember, remember_failure
from tasks.reporting.html import history_pictures, render_page
from tasks.reporting.markdown import history_markdown
from tasks.reporting.night import Night, NightRefs, read_night
from tasks.reporting.shown import history_sentence, history_table

BEGAN = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
OLD = {
    "time": "2026-10-01T17:00:00+00:00", "run": "old-night", "decision": "hold", "models": {"champion": "base"},
    "accuracy": [{"group": "all", "rows": 60, "ex_champion": 0.1, "ex_low_champion": 0.05, "ex_high_champion": 0.2}],
    "seconds": 500.0, "versions": {"torch": "2.9"},
}  # fmt: skip


@pytest.fixture(scope="module")
def night(night_refs: NightRefs) -> Night:
    return read_night(night_refs, 754.0)


def at(night: Night, number: int, **changes: Any) -> Night:
    """The night, `number` days later, with `changes` of its references."""
    later = {"run_name": f"night-{number}", "started": BEGAN + timedelta(days=number)}
    return replace(night, refs=night.refs.model_copy(update=later | changes))


def fail(store: Path, run_id: str, decision: str = "failed", error: str = "no\nrows | here", day: int = 9) -> None:
    remember_failure(
        store, run_id=run_id, flow="retrain-and-evaluate", run=f"night-{run_id}", started=BEGAN + timedelta(days=day),
        seconds=12.0, decision=decision, error=error,
    )  # fmt: skip


def paid(night: Night, usd: float, reused: bool = False) -> Night:
    """The night with a judge who asked for money for each of the two models."""

    def side(refs: Any) -> Any:
        verdicts = refs.verdicts.model_copy(update={"counts": {**refs.verdicts.counts, "usd": usd}, "reused": reused})
        return refs.model_copy(update={"verdicts": verdicts})

    sides = {"champion": side(night.refs.champion), "challenger": side(night.refs.challenger)}
    return replace(night, refs=night.refs.model_copy(update=sides))


def lines(store: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (store / "history.jsonl").read_text("utf-8").splitlines()]


def test_a_flow_run_is_one_line_and_what_it_told_last_counts(night: Night, tmp_path: Path) -> None:
    remember(tmp_path, at(night, 1), "run-1", "retrain-and-evaluate", "1.html")
    remember(tmp_path, at(night, 2), "run-2", "retrain-and-evaluate", "2.html")
    retried = replace(at(night, 3), seconds=99.0)  # after a kill: another time and name, the same flow run
    remember(tmp_path, retried, "run-1", "retrain-and-evaluate", "3.html")
    nights = read_history(tmp_path).nights
    assert nights["id"].tolist() == ["run-2", "run-1"]
    assert nights["report"].tolist() == ["2.html", "3.html"]
    assert nights["seconds"].tolist() == [754.0, 99.0]
    assert len(lines(tmp_path)) == 2


def test_a_failed_night_is_told_with_its_reason_and_a_retry_takes_that_back(night: Night, tmp_path: Path) -> None:
    fail(tmp_path, "a")
    fail(tmp_path, "b", "crashed", "status -9", day=1)
    history = read_history(tmp_path)
    assert history.nights[["id", "decision", "error"]].to_numpy().tolist() == [
        ["b", "crashed", "status -9"], ["a", "failed", "no rows | here"],
    ]  # fmt: skip
    assert history.accuracy.empty
    remember(tmp_path, at(night, 9), "a")
    assert read_history(tmp_path).nights["decision"].tolist() == ["crashed", "promote"]
    assert read_history(tmp_path).nights["error"].tolist() == ["status -9", ""]


def test_a_night_that_failed_after_its_report_keeps_its_figures(night: Night, tmp_path: Path) -> None:
    remember(tmp_path, at(night, 1, not_promoted="the upload broke off"), "a", "retrain-and-evaluate", "a.html")
    assert lines(tmp_path)[0]["decision"] == "failed", "a better model that is not in use was not promoted"
    fail(tmp_path, "a", error="StageError: the upload broke off", day=1)
    history = read_history(tmp_path)
    assert history.nights.loc[0, ["decision", "report", "seconds"]].tolist() == ["failed", "a.html", 754.0]
    assert history.nights.loc[0, "error"] == "StageError: the upload broke off"
    assert set(history.accuracy["group"]) == {"all", "en", "ko"}


@pytest.mark.parametrize(
    "torn",
    [
        '{"id": "c", "time": "2026-11',
        "[]",
        '"text"',
        '{"id": "c"}',
        '{"time": 7, "run": 1, "decision": 2}',
        "\ufffd",
        "",
    ],
)
def test_lines_that_are_torn_or_not_ours_are_passed_over(night: Night, tmp_path: Path, torn: str) -> None:
    remember(tmp_path, at(night, 1), "a")
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(torn.encode() + b"\xff")
    assert read_history(tmp_path).nights["id"].tolist() == ["a"]
    remember(tmp_path, at(night, 2), "b")
    assert read_history(tmp_path).nights["id"].tolist() == ["a", "b"]


def test_lines_of_older_versions_are_read_and_shown(night: Night, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(json.dumps(OLD) + "\n", "utf-8")
    remember(tmp_path, at(night, 1), "new")
    history = read_history(tmp_path)
    assert history.nights["usd"].tolist() == [0.0, 0.0]
    assert history_table(history, 5)["EX champion"].tolist() == ["10.2% (5–20)", "10.0% (5–20)"]
    assert history_pictures(history).keys() == {"history", "duration"}
    assert render_page(night, history, history_pictures(history), 2)


def test_money_and_seconds_are_those_of_what_was_made(night: Night, tmp_path: Path) -> None:
    remember(tmp_path, paid(at(night, 1), 0.125), "a")
    remember(tmp_path, paid(at(night, 2), 0.125, reused=True), "b")
    history = read_history(tmp_path)
    assert history.nights["usd"].tolist() == [0.25, 0.0]
    made, reused = history.nights["stages"]
    assert {"adapter", "predictions", "scores", "verdicts", "data"} <= made.keys()
    assert "verdicts" not in reused
    assert history_sentence(history) == "2 nights, 2 promotions, $0.25 for the judge"


def test_the_page_shows_the_trends_and_links_to_the_nights_before(night: Night, tmp_path: Path) -> None:
    first = paid(at(night, 1), 0.01)
    remember(tmp_path, first, "a", report="first.html")
    alone = read_history(tmp_path)
    assert history_pictures(alone) == {}
    assert "This is the first night of this store" in render_page(first, alone, {}, 1)
    remember(tmp_path, at(night, 2), "b", report="second.html")
    fail(tmp_path, "c", error="<b>no rows</b>")
    history = read_history(tmp_path)
    pictures = history_pictures(history)
    assert list(pictures) == ["history", "duration", "cost"]
    page = render_page(at(night, 2), history, pictures, 1)
    assert '<a href="first.html">2026-11-22 17:00</a>' in page
    assert all(one.light in page and one.dark in page for one in pictures.values())
    assert "3 nights, 2 promotions, 1 failed, $0.02 for the judge" in page
    assert "&lt;b&gt;no rows&lt;/b&gt;" in page and "<b>no" not in page


def test_the_artifact_links_to_runs_and_to_pages_that_are_served(night: Night, tmp_path: Path) -> None:
    remember(tmp_path, at(night, 1, run_name="night|one *now*"), "a", report="first.html")
    fail(tmp_path, "c")
    history = read_history(tmp_path)
    drawn = history_pictures(history)
    text = history_markdown(history, drawn, "/s/reports", "http://ui/runs/flow-run/", "https://reports.example/")
    assert text.startswith("# 2 nights, 1 promotion, 1 failed\n")
    assert text.count("](data:image/png;base64,") == 2
    assert "(http://ui/runs/flow-run/a)" in text and "[2026-11-22 17:00](https://reports.example/first.html)" in text
    assert "night\\|one \\*now\\*" in text and "no rows \\| here" in text
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}) == 1
    bare = history_markdown(history, drawn, "/s/reports", "", None)
    assert "| 2026-11-22 17:00 |" in bare and "](http" not in bare
    assert len(text) < 140_000


def test_many_nights_and_languages_are_still_small(night: Night, tmp_path: Path) -> None:
    line = lines_of(night, tmp_path)
    groups = [{**line["accuracy"][0], "group": name} for name in ("all", "en", "ko", "ja", "레벨", "fr", "de")]
    made = [
        {**line, "id": str(n), "time": (BEGAN + timedelta(days=n)).isoformat(), "accuracy": groups if n % 9 else []}
        for n in range(400)
    ]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made), "utf-8")
    history = read_history(tmp_path)
    assert len(history.nights) == 400
    recent = history.last(60)
    assert (len(recent.nights), recent.accuracy["night"].max()) == (60, 59)
    pictures = history_pictures(history)
    assert "language 5: 레벨" in pictures["history"].says
    assert max(len(one.png) for one in pictures.values()) < 60_000
    assert len(history_markdown(history, pictures, "", "", None)) < 140_000


def lines_of(night: Night, store: Path) -> dict[str, Any]:
    remember(store, paid(at(night, 1), 0.2), "a", "retrain-and-evaluate", "a.html")
    return lines(store)[0]


@pytest.mark.parametrize("draw", [history_plots.accuracy, history_plots.duration, history_plots.cost])
def test_every_plot_says_what_it_is_given(night: Night, tmp_path: Path, draw: Callable[..., bytes]) -> None:
    """Another night, another picture; the same in the dark is another one, too."""
    remember(tmp_path, paid(at(night, 1), 0.1), "a")
    remember(tmp_path, paid(at(night, 2), 0.3), "b")
    history = read_history(tmp_path)
    changed = History(
        history.nights.assign(usd=[0.1, 0.9], seconds=[754.0, 7540.0]),
        history.accuracy.assign(ex_challenger=history.accuracy["ex_high_challenger"]),
    )
    drawn = [draw(history), draw(changed), draw(history, plots.DARK)]
    assert len(set(drawn)) == 3
    assert all(re.match(rb"\x89PNG", one) for one in drawn)
    assert draw(history) == drawn[0]


def test_promotions_and_nights_without_figures_are_marked(night: Night, tmp_path: Path) -> None:
    for number in range(3):
        remember(tmp_path, at(night, number), str(number))
    marked = read_history(tmp_path)
    unmarked = History(marked.nights.assign(decision="hold"), marked.accuracy)
    fewer = History(marked.nights, marked.accuracy[marked.accuracy["night"] != 1])
    assert len({history_plots.accuracy(one) for one in (marked, unmarked, fewer)}) == 3
