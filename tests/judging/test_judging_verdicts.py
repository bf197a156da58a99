"""The stage: what is drawn, what is stored, and what is not frozen."""

from __future__ import annotations

import socket
from pathlib import Path

import pandas as pd
import pytest
from faulty_server import faulty_server
from judging_rows import KEY, endpoint, make_rows, settings

from tasks.common.errors import InputError
from tasks.common.store import StageOutput
from tasks.judging.endpoint import choose_endpoint
from tasks.judging.judge import draw
from tasks.judging.verdicts import JOURNAL, make_verdicts

SCORES = StageOutput(stage="scores", key="s", path="/nowhere", sha256="s", counts={}, seconds=0)
LOCAL = StageOutput(stage="base_model", key="k", path="/nowhere", sha256="ab" * 32, counts={}, seconds=0)


def evaluation(n: int) -> pd.DataFrame:
    rows = make_rows(n).drop(columns="sql").rename(columns={"gold": "answer"})
    rows["language"] = ["ko" if i % 10 == 0 else "en" for i in range(n)]
    rows["complexity"] = ["single join" if i % 5 == 4 else "basic SQL" for i in range(n)]
    return rows


def stages(folder: Path, n: int) -> tuple[StageOutput, StageOutput]:
    evaluation(n).to_parquet(folder / "eval.parquet")
    make_rows(n)[["example_id", "sql"]].sample(frac=1, random_state=0).to_parquet(folder / "predictions.parquet")
    data = StageOutput(stage="data", key="d", path=str(folder), sha256="d", counts={}, seconds=0)
    return data, data.model_copy(update={"stage": "predictions", "sha256": "p"})


def test_the_draw_is_the_same_for_all_models_and_spread() -> None:
    rows = evaluation(200)
    drawn = draw(rows, 24, 1)
    assert len(drawn) == 24
    assert drawn.groupby(["language", "complexity"]).size().tolist() == [8, 8, 8]
    shuffled = draw(rows.sample(frac=1, random_state=5), 24, 1)
    assert list(shuffled["example_id"]) == list(drawn["example_id"])
    assert set(draw(rows, 24, 2)["example_id"]) != set(drawn["example_id"])
    assert len(draw(rows, 1000, 1)) == 200
    assert len(draw(rows, 0, 1)) == 0


def test_verdicts_are_stored_once(tmp_path: Path) -> None:
    data, predictions = stages(tmp_path, 40)
    with faulty_server() as server:
        first = make_verdicts(data, predictions, SCORES, settings(rows=12), endpoint(server.url), tmp_path / "store")
        again = make_verdicts(data, predictions, SCORES, settings(rows=12), endpoint(server.url), tmp_path / "store")
        more = make_verdicts(data, predictions, SCORES, settings(rows=20), endpoint(server.url), tmp_path / "store")
        assert server.requests == 20
    table = pd.read_parquet(first.file("verdicts.parquet"))
    assert list(table["verdict"]) == ["yes" if int(name, 16) % 2 == 0 else "no" for name in table["example_id"]]
    assert first.counts["yes"] == (table["verdict"] == "yes").sum()
    assert (first.counts["asked"], first.counts["prompt_tokens"], first.counts["judge"]) == (12, 1200, "gpt-test")
    assert again.reused and again.sha256 == first.sha256
    assert (more.counts["asked"], more.counts["from_journal"], more.counts["prompt_tokens"]) == (8, 12, 800)
    written = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert all(KEY.encode() not in path.read_bytes() for path in written)


def test_a_table_with_errors_is_not_final(tmp_path: Path) -> None:
    data, predictions = stages(tmp_path, 10)
    config, store = settings(rows=10, attempts=2), tmp_path / "store"
    with faulty_server(lambda number, nth: "503" if number < 2 else "ok") as server:
        partly = make_verdicts(data, predictions, SCORES, config, endpoint(server.url), store)
        assert (partly.counts["errors"], partly.counts["rows"]) == (2, 10)
        assert (pd.read_parquet(partly.file("verdicts.parquet"))["verdict"] == "error").sum() == 2
        server.behave = lambda number, nth: "ok"
        before = server.requests
        whole = make_verdicts(data, predictions, SCORES, config, endpoint(server.url), store)
        assert server.requests - before == 2
    assert whole.counts["errors"] == 0
    assert whole.counts["asked"] == 2
    assert not whole.reused


def test_where_execution_disagrees_the_majority_counts(tmp_path: Path) -> None:
    data, predictions = stages(tmp_path, 8)
    # Execution says that all are right, so the judge's four times 'no' are disputed.
    right = pd.DataFrame({"example_id": make_rows(8)["example_id"], "outcome": "equal", "correct": True})
    right.to_parquet(tmp_path / "scores.parquet")
    scores = data.model_copy(update={"stage": "scores"})
    said = {1: ["no", "no", "no"], 3: ["no", "yes", "yes"], 5: ["no", "yes", "no"], 7: ["no", "yes", "yes"]}
    with faulty_server(lambda number, nth: said[number][nth - 1] if number in said else "ok") as server:
        config = settings(rows=8, votes=3, in_flight=1)
        made = make_verdicts(data, predictions, scores, config, endpoint(server.url), tmp_path / "store")
        assert server.requests == 8 + 2 * 4
        seeds = [body.get("seed") for body in server.bodies]
        assert sorted(seeds, key=str) == [1] * 4 + [2] * 4 + [None] * 8
    table = pd.read_parquet(made.file("verdicts.parquet")).set_index("example_id")
    for number, words in said.items():
        row = table.loc[f"{number:016x}"]
        assert row["votes"] == " ".join(words)
        assert row["verdict"] == ("yes" if words.count("yes") == 2 else "no")
        assert row["prompt_tokens"] == 300
    assert (made.counts["voted_again"], made.counts["yes"], made.counts["prompt_tokens"]) == (4, 6, 1600)


def test_no_rows_need_no_judge(tmp_path: Path) -> None:
    data, predictions = stages(tmp_path, 3)
    made = make_verdicts(
        data, predictions, SCORES, settings(rows=0), choose_endpoint(settings(), None, LOCAL), tmp_path
    )
    table = pd.read_parquet(made.file("verdicts.parquet"))
    assert len(table) == made.counts["rows"] == made.counts["asked"] == 0
    assert list(table) == ["example_id", "verdict", "rationale", "prompt_tokens", "completion_tokens", "votes"]
    assert not (tmp_path / JOURNAL).exists() or not (tmp_path / JOURNAL).read_bytes()


def test_a_drawn_row_without_prediction_is_told(tmp_path: Path) -> None:
    data, predictions = stages(tmp_path, 5)
    make_rows(4)[["example_id", "sql"]].to_parquet(tmp_path / "predictions.parquet")
    with pytest.raises(InputError, match=f"predictions.parquet: no prediction for 1 rows.*{4:016x}"):
        make_verdicts(data, predictions, SCORES, settings(rows=5), endpoint("http://127.0.0.1:9/v1"), tmp_path)


def test_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    local = choose_endpoint(settings(), "  ", LOCAL)
    assert local.local and local.model == "/nowhere" and "ab" * 32 in local.identity
    remote = choose_endpoint(settings(), f" {KEY}\n", LOCAL)
    assert (remote.key, remote.base_url, remote.model) == (KEY, "https://api.openai.com/v1", "gpt-4o")
    assert KEY not in repr(remote)
    own = choose_endpoint(settings(base_url="http://127.0.0.1:8000/v1/"), None, LOCAL)
    assert not own.local and own.base_url == "http://127.0.0.1:8000/v1" and own.identity != remote.identity
    for key in (f"{KEY}\nexport X", f"{KEY} y", f"{KEY}한"):
        with pytest.raises(InputError, match="holds spaces") as caught:
            choose_endpoint(settings(), key, LOCAL)
        assert KEY not in str(caught.value)
    with pytest.raises(InputError, match=r"judging\.base_url: expected"):
        choose_endpoint(settings(base_url="api.example.com"), KEY, LOCAL)


def test_a_short_placeholder_key_does_not_spoil_rationales() -> None:
    with_placeholder = choose_endpoint(settings(base_url="http://127.0.0.1:1/v1"), "no", LOCAL)
    assert with_placeholder.hide("no difference") == "no difference"


def test_nothing_is_served_when_the_journal_knows_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, predictions = stages(tmp_path, 2)
    (tmp_path / "predictions.parquet").unlink()
    pd.DataFrame({"example_id": [f"{i:016x}" for i in range(2)], "sql": "("}).to_parquet(
        tmp_path / "predictions.parquet"
    )
    monkeypatch.setattr(socket, "socket", None)  # a server would need a port
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    made = make_verdicts(
        data, predictions, SCORES, settings(rows=2), choose_endpoint(settings(), None, LOCAL), tmp_path
    )
    assert made.counts["no"] == 2
