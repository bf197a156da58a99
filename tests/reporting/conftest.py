"""A night made by hand: 60 rows in two languages, its stages written to a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from tasks.common.store import Counts, StageOutput, run_stage
from tasks.config import NightlyConfig
from tasks.reporting.night import NightRefs
from tasks.scoring.accuracy import count
from tasks.scoring.gate import decide
from tasks.scoring.refs import Entry, ModelRefs

KINDS = ["basic SQL", "aggregation", "single join", "multiple joins", "subqueries", "window functions"]
GAMES = ["player accounts", "guild wars", "item shop"]
QUESTIONS = {"en": "How many players of level {n} are there?", "ko": "레벨이 {n}인 플레이어는 몇 명입니까?"}


CHANGES = {
    "added": 2, "removed": 1, "changed": 1, "moved": 0, "before": "2026-11-20T02:00:00+00:00",
    "examples": [
        {"change": "changed: answer", "split": "train", "db_id": "2", "question": "Who leads?",
         "answer": "SELECT leader FROM guilds", "before": "SELECT boss FROM guilds", "example_id": "ab"},
    ],
}  # fmt: skip


def scores(right: list[bool], sql: str) -> pd.DataFrame:
    """Rows 0-39 are English, 40-59 Korean; row 7 asks with a script tag, row 59 cannot be executed."""
    rows = pd.DataFrame(
        {
            "example_id": [f"{n * 2654435761 % 2**32:016x}" for n in range(60)],
            "db_id": [f"db{n % 3}" for n in range(60)],
            "language": ["en"] * 40 + ["ko"] * 20,
            "domain": [GAMES[n % 3] for n in range(60)],
            "complexity": [KINDS[n % 6] for n in range(60)],
        }
    )
    rows["question"] = [QUESTIONS[language].format(n=n) for n, language in enumerate(rows["language"])]
    rows.loc[7, "question"] = "<script>alert('x')</script> & how many?"
    rows["gold"] = [f"SELECT COUNT(*) FROM players WHERE level = {n}" for n in range(60)]
    rows["sql"] = rows["gold"].where(pd.Series(right), sql)
    rows["em"] = right
    rows["em_canonical"] = right
    rows["outcome"] = ["equal" if one else ("invalid" if n % 3 == 0 else "different") for n, one in enumerate(right)]
    rows.loc[59, "outcome"] = "unsupported"
    rows["correct"] = rows["outcome"] == "equal"
    rows["reason"] = (
        rows["outcome"]
        .map({"different": "1 row expected, 7 rows found on database 3", "invalid": "no such column: levels"})
        .fillna("")
    )
    rows["counterexample"] = [
        "CREATE TABLE players (id INT, level INT);\nINSERT INTO players VALUES (1, 7), (2, 8);"
        if o == "different"
        else ""
        for o in rows["outcome"]
    ]
    return rows


def verdicts(table: pd.DataFrame, lenient_every: int) -> pd.DataFrame:
    judged = table.iloc[::2]
    lenient = [n % lenient_every == 0 for n in range(len(judged))]
    said = ["yes" if right or soft else "no" for right, soft in zip(judged["correct"], lenient, strict=True)]
    made = pd.DataFrame({"example_id": judged["example_id"], "verdict": said, "rationale": "Counts the players."})
    made.iloc[3, 1] = "unjudged"
    return made


def stage(store: Path, name: str, counts: Counts, write: Callable[[Path], object], of: str = "") -> StageOutput:
    def build(folder: Path) -> Counts:
        write(folder)
        return counts

    return run_stage(store, name, inputs={"of": of}, code=[], build=build)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def champion_scores() -> pd.DataFrame:
    return scores([n % 10 == 0 for n in range(60)], "SELECT levels FROM players")


@pytest.fixture(scope="session")
def challenger_scores() -> pd.DataFrame:
    return scores([(n < 32 and n != 10) or n % 7 == 0 for n in range(60)], "SELECT * FROM players")


@pytest.fixture(scope="session")
def night_refs(store: Path, champion_scores: pd.DataFrame, challenger_scores: pd.DataFrame) -> NightRefs:
    config = NightlyConfig()

    def model(label: str, table: pd.DataFrame, lenient_every: int) -> ModelRefs:
        told = verdicts(table, lenient_every)
        return ModelRefs(
            label=label,
            predictions=stage(store, "predictions", {"rows": 60}, lambda folder: None, label),
            scores=stage(store, "scores", count(table), lambda f: table.to_parquet(f / "scores.parquet"), label),
            verdicts=stage(
                store,
                "verdicts",
                {"rows": len(told), "canaries_failed": "equal"},
                lambda f: told.to_parquet(f / "verdicts.parquet"),
                label,
            ),
        )

    decision = decide(
        champion_scores,
        challenger_scores,
        config.gate,
        trial=1,
        champion="base",
        challenger="v7",
        judge_note="Judge not trusted.",
        judged=None,
    )
    summary = {
        "rows": 620, "left_out": 0, "train": 512, "eval": 60, "quarantined": 40, "leaked_dropped": 8,
        "near_duplicates": 3,
        "reasons": {"unknown column": 24, "answer does not parse": 9, "missing question": 7},
        "before": [
            {"split": "read", "language": "en", "domain": game, "complexity": kind, "rows": 4_000 * n + 50 * m}
            for n, game in enumerate([*GAMES, "퀘스트와 업적"])
            for m, kind in enumerate([*KINDS, None])
        ],
        "quarantine": {
            "by_source": [{"source": "rows.jsonl", "rows": 620, "quarantined": 40, "reason": "unknown column"}],
            "by_domain": [{"domain": "guild wars", "rows": 300, "quarantined": 40, "reason": "unknown column"}],
            "by_kind": [{"kind": "basic SQL", "rows": 99, "quarantined": 40, "reason": "unknown column"}],
            "examples": [
                {
                    "row": "rows.jsonl:7",
                    "reasons": ["unknown column: levels", "question is blank"],
                    "question": "<b>Levels?</b>",
                    "answer": "SELECT levels FROM players",
                }
            ],
        },
        "by": [
            {"split": split, "language": "en", "domain": game, "complexity": kind, "rows": (5 * n + 3 * m) % size}
            for split, size in (("train", 31), ("eval", 7))
            for n, game in enumerate([*GAMES, "퀘스트와 업적"])
            for m, kind in enumerate(KINDS)
        ],
    }  # fmt: skip
    losses = [[10 * n, round(0.3 + 1.6 / (1 + n / 4), 4)] for n in range(1, 60)]
    parity = {"rows": 16, "same_answers": 15, "share": 0.9375, "max_logit_difference": 0.41}
    return NightRefs(
        run_name="brave-otter",
        started=datetime(2026, 11, 21, 3, 0, tzinfo=UTC),
        config=config.model_dump(mode="json"),
        data=stage(
            store, "data", {"rows": 620}, lambda f: (f / "summary.json").write_text(json.dumps(summary), "utf-8")
        ),
        data_changes=stage(
            store, "data_changes", {"added": 2},
            lambda f: (f / "changes.json").write_text(json.dumps(CHANGES), "utf-8"),
        ),
        base_model=stage(store, "base_model", {"parameters": 134515008}, lambda folder: None),
        champion=model("base", champion_scores, 3),
        challenger=model("v7", challenger_scores, 4),
        adapter=stage(
            store,
            "adapter",
            {"rows": 512, "steps": 128, "seconds": 142.3, "first_loss": 1.58, "last_loss": 0.41},
            lambda f: trained(f, losses),
        ),
        merged_model=stage(store, "merged_model", {"parameters": 134515008}, lambda folder: None),
        parity=stage(store, "parity", parity, lambda folder: None),
        decision=stage(
            store, "decision", {"decision": decision.decision},
            lambda f: (f / "decision.json").write_text(decision.model_dump_json(), "utf-8"),
        ),
        outcome="v7 is now the champion; base is kept for a roll-back.",
    )  # fmt: skip


def trained(folder: Path, losses: list[tuple[int, float]]) -> None:
    (folder / "training.json").write_text(json.dumps({"loss": losses}))
    (folder / "logs").mkdir()
    memory = [
        {"part": "weights", "predicted_mb": 1234.5, "measured_mb": 1230.25},
        {"part": "moment", "predicted_mb": 80.0, "measured_mb": None},
    ]
    (folder / "logs" / "memory.json").write_text(json.dumps(memory))


SPEED: Counts = {"rows": 60, "rows_per_s": 8.0, "tokens_per_s": 400.5, "first_token_s": 0.21, "peak_mb": 1820.4}
PAID: Counts = {"rows": 60, "rows_per_s": 2.0, "usd": 0.03, "prompt_tokens": 9000, "completion_tokens": 900}


@pytest.fixture(scope="session")
def entries(store: Path) -> list[Entry]:
    """Four systems, the weakest first: rows 0-5, 0-29, 0-31 (all but row 3) and 0-53 are right."""
    systems: list[tuple[str, list[bool], Counts]] = [
        ("base", [n < 6 for n in range(60)], {"rows": 60, "rows_per_s": 10.0}),
        ("base, 3 examples", [n < 30 for n in range(60)], SPEED),
        ("어댑터 v7", [n < 32 and n != 3 for n in range(60)], {**SPEED, "rows_per_s": 9.0}),
        ("<script>alert(1)</script> | $\\frac$ [b]*x*", [n < 54 for n in range(60)], PAID),
    ]
    return [entry(store, name, scores(right, "SELECT 1"), counts) for name, right, counts in systems]


def entry(store: Path, name: str, table: pd.DataFrame, counts: Counts) -> Entry:
    return Entry(
        name=name,
        about={"model": "base | <b>", "engine": "transformers"},
        predictions=stage(store, "predictions", counts, lambda folder: None, f"leaderboard, {name}"),
        scores=stage(
            store, "scores", count(table), lambda f: table.to_parquet(f / "scores.parquet"), f"leaderboard, {name}"
        ),
    )
