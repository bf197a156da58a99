from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest
import sqlglot
from sqlglot import exp

from tasks.data.sample import DOMAINS, PATH, generate
from tasks.data.sample.korean import with_particles
from tasks.data.sample.schema import schemas
from tasks.sql.checks import check_rows
from tasks.sql.config import SqlConfig
from tasks.sql.kinds import kind_of

HELD_OUT = 1


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    rows = pd.DataFrame([json.loads(line) for line in PATH.read_text("utf-8").splitlines()])
    rows["korean"] = rows["question"].str.contains("[가-힣]")
    return rows


def test_the_file_is_what_the_code_writes() -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in generate.generate()]
    assert "".join(lines).encode() == PATH.read_bytes()


def test_rows_have_the_shape_of_the_public_set(sample: pd.DataFrame) -> None:
    assert list(sample.columns[:4]) == ["db_id", "context", "question", "answer"]
    assert sorted(set(sample["db_id"])) == [int(db_id) for db_id in DOMAINS]
    assert sample["answer"].str.fullmatch(r"SELECT .*[^;];").all()
    assert not sample["question"].str.contains(r"[{}]|\s\s|\((?:는|가|를|와|으|이)\)", regex=True).any()


def test_enough_rows_of_each_language_and_domain(sample: pd.DataFrame) -> None:
    counts = Counter(zip(sample["db_id"], sample["korean"], strict=True))
    assert counts[HELD_OUT, False] == counts[HELD_OUT, True] == 112
    for db_id in range(2, 9):
        assert counts[db_id, False] == 231
        assert counts[db_id, True] == 116


def test_nothing_is_shared_with_the_held_out_domain(sample: pd.DataFrame) -> None:
    assert sample["question"].is_unique
    held_out = sample["db_id"] == HELD_OUT
    assert set(sample[held_out]["context"]).isdisjoint(sample[~held_out]["context"])
    assert sample[held_out]["context"].nunique() == 3
    assert (sample[~held_out].groupby("db_id")["context"].nunique() >= 4).all()


def test_schemas_are_small_and_have_keys() -> None:
    for domain in DOMAINS.values():
        for schema in schemas(domain):
            assert 2 <= len(schema.tables) <= 5
            assert schema.ddl.count("PRIMARY KEY") == len(schema.tables)
            assert "FOREIGN KEY" in schema.ddl
            assert len(schema.ddl) < 1_000
            names = [c.name for t in schema.tables for c in t.columns if c.role == "label"]
            assert names, schema.ddl


@pytest.mark.parametrize("korean", [False, True])
def test_every_class_of_query_is_there(sample: pd.DataFrame, korean: bool) -> None:
    for held_out in (False, True):
        part = sample[(sample["korean"] == korean) & ((sample["db_id"] == HELD_OUT) == held_out)]
        share = part["answer"].map(lambda sql: kind_of(sql, "mysql")).value_counts(normalize=True)
        joins = share["single join"] + share["multiple joins"]
        assert share["basic SQL"] == pytest.approx(0.30, abs=0.03)
        assert share["aggregation"] == pytest.approx(0.25, abs=0.03)
        assert joins == pytest.approx(0.25, abs=0.03)
        assert share["subqueries"] == pytest.approx(0.20, abs=0.03)


def test_grouped_queries_show_only_what_they_group_by(sample: pd.DataFrame) -> None:
    for answer in sample[sample["answer"].str.contains("GROUP BY")]["answer"]:
        select = sqlglot.parse_one(answer, read="mysql")
        grouped = {g.sql("mysql") for g in select.args["group"].expressions}
        plain = {e.sql("mysql") for e in select.expressions if not e.find(exp.AggFunc)}
        assert plain <= grouped, answer


def test_the_constants_of_an_answer_are_in_its_question(sample: pd.DataFrame) -> None:
    for row in sample.itertuples():
        for text in sqlglot.parse_one(row.answer, read="mysql").find_all(exp.Literal):
            value = text.this.strip("%")
            if text.is_string and not value[:4].isdigit():
                assert value in row.question, row
            elif not text.is_string and not text.find_ancestor(exp.Limit) and value != "1":
                month = f"2000-{int(value):02d}-01" if value.isdigit() and int(value) <= 12 else ""
                spoken = pd.Timestamp(month).month_name() if month else value
                assert value in row.question or spoken in row.question, row


def test_every_answer_runs_and_returns_rows(sample: pd.DataFrame) -> None:
    reasons = check_rows(sample, "mysql", SqlConfig(), must_return_rows=True)
    assert sample[reasons.map(bool)]["answer"].to_list() == []


@pytest.mark.parametrize(
    ("marked", "read"),
    [
        ("마법사이(가) 도적을(를)", "마법사가 도적을"),
        ("'서울'(으)로 '부산'(으)로 '제주'(으)로", "'서울'로 '부산'으로 '제주'로"),
        ("10을(를) 12을(를) 300과(와)", "10을 12를 300과"),
        ("5kg이(가) 10km을(를)", "5kg이 10km를"),
        ("한 권(이)라도 한 개(이)라도 몇 대(이)야", "한 권이라도 한 개라도 몇 대야"),
        ("이후(당일 포함)인", "이후(당일 포함)인"),
    ],
)
def test_korean_particles_fit_the_sound_before_them(marked: str, read: str) -> None:
    assert with_particles(marked) == read
