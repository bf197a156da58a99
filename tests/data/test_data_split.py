"""The split by database, the subset, and the draw."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.common.errors import InputError
from tasks.data.columns import example_id
from tasks.data.config import SubsetConfig
from tasks.data.split import draw, split_by_database
from tasks.data.subset import OTHERS, count_groups, select

KINDS = ["basic SQL", "aggregation", "single join"]


def table(rows: list[dict[str, str]]) -> pd.DataFrame:
    """Rows with what these functions read; a context or domain not given is that of the database."""
    full = [
        {
            "context": f"DDL {r['db_id']}",
            "domain": f"domain {r['db_id']}",
            "answer": "SELECT 1",
            "language": "en",
            "complexity": KINDS[0],
            **r,
        }
        for r in rows
    ]
    for row in full:
        row["example_id"] = example_id(row["db_id"], row["context"], row["question"], row["answer"])
    return pd.DataFrame(full, dtype="str").set_index(pd.Index(range(2, len(full) + 2), name="row"))


def many(per_cell: int = 10, language: str = "en") -> pd.DataFrame:
    return table(
        [
            {"db_id": str(db), "question": f"{kind} {n} of {db}?", "complexity": kind, "language": language}
            for db in range(4)
            for kind in KINDS
            for n in range(per_cell)
        ]
    )


def test_held_out_databases_go_to_evaluation_and_only_there() -> None:
    rows = many()
    train, evaluation = split_by_database(rows, ["1", "3"])
    assert set(evaluation["db_id"]) == {"1", "3"}
    assert set(train["db_id"]) == {"0", "2"}
    assert len(train) + len(evaluation) == len(rows)


def test_an_unknown_held_out_id_is_told_with_the_ids_present() -> None:
    with pytest.raises(InputError, match=r"no fit row has the db_id 9; .*0 \(30 rows\), 1 \(30 rows\)"):
        split_by_database(many(), ["1", "9"])


def test_holding_out_everything_is_told() -> None:
    with pytest.raises(InputError, match="nothing is left to train on"):
        split_by_database(many(), ["0", "1", "2", "3"])


def test_a_long_list_of_ids_is_cut() -> None:
    rows = table([{"db_id": f"db{n}", "question": "?"} for n in range(500)])
    with pytest.raises(InputError, match=r"and 480 more$") as error:
        split_by_database(rows, ["1"])
    assert len(str(error.value)) < 500


def test_the_draw_is_even_over_databases_and_kinds() -> None:
    rows = pd.concat([many(10), table([{"db_id": "9", "question": f"rare {n}?"} for n in range(2)])], ignore_index=True)
    drawn, short = draw(rows, {"en": 50}, seed=1)
    sizes = drawn.groupby(["db_id", "complexity"]).size()
    assert len(drawn) == 50
    assert short == []
    assert sizes["9", "basic SQL"] == 2
    assert sizes.drop(index="9").between(4, 4).all()


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    rows = many()
    turned = rows.sample(frac=1, random_state=3)
    first, again, other = (draw(r, {"en": 17}, seed)[0] for r, seed in ((rows, 5), (turned, 5), (rows, 6)))
    assert first["example_id"].tolist() == again["example_id"].tolist()
    assert set(first["example_id"]) != set(other["example_id"])


def test_taking_all_does_not_depend_on_the_order_of_the_rows_either() -> None:
    rows = many()
    everything, again = (draw(r, None, 5)[0] for r in (rows, rows[::-1]))
    assert everything["example_id"].tolist() == again["example_id"].tolist()
    assert len(everything) == len(rows)
    assert list(everything.columns) == list(rows.columns)


def test_a_smaller_draw_is_the_beginning_of_a_larger_one() -> None:
    rows = many()
    small, large = (draw(rows, {"en": n}, 5)[0]["example_id"].tolist() for n in (20, 40))
    assert large[:20] == small


def test_asking_for_too_much_takes_all_and_says_so() -> None:
    rows = pd.concat([many(2), many(1, "ko")])
    drawn, short = draw(rows, {"en": 10, "ko": 99}, seed=1)
    assert drawn["language"].value_counts().to_dict() == {"en": 10, "ko": 12}
    assert short == [{"language": "ko", "asked": 99, "found": 12}]


def test_a_language_not_named_is_not_drawn() -> None:
    drawn, short = draw(pd.concat([many(2), many(1, "ko")]), {"ko": 3}, seed=1)
    assert drawn["language"].tolist() == ["ko"] * 3
    assert short == []


def test_a_subset_has_the_domains_kinds_and_languages_asked_for() -> None:
    rows = pd.concat([many(2), many(1, "ko")], ignore_index=True)
    chosen = select(
        rows,
        SubsetConfig.read(
            {"domains": ["domain 1", "domain 2"], "kinds": ["aggregation", "single join"], "languages": ["ko"]}, "test"
        ),
    )
    assert set(chosen["domain"]) == {"domain 1", "domain 2"}
    assert set(chosen["complexity"]) == {"aggregation", "single join"}
    assert set(chosen["language"]) == {"ko"}
    assert len(chosen) == 4
    assert select(rows, SubsetConfig()) is rows


def test_a_row_of_unknown_kind_is_left_to_validation() -> None:
    rows = many(1)
    rows.loc[rows.index[0], "complexity"] = None
    assert rows.index[0] in select(rows, SubsetConfig(kinds=("single join",))).index


def test_a_subset_of_nothing_is_told_with_what_there_is() -> None:
    with pytest.raises(
        InputError, match=r"domains: no row is of the domain moon; found: domain 0 \(30 rows\), domain 1"
    ):
        select(many(), SubsetConfig(domains=("domain 1", "moon")))
    with pytest.raises(InputError, match=r"kinds: no row is of CTEs, set operations; found: basic SQL \(40 rows\)"):
        select(many(), SubsetConfig(kinds=("CTEs", "set operations")))
    with pytest.raises(InputError, match=r"languages: no row is of ko; found: en \(120 rows\)"):
        select(many(), SubsetConfig(languages=("ko",)))


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match=r"kinds\.0: Input should be 'basic SQL', 'aggregation', .*found 'joins'"):
        SubsetConfig.read({"kinds": ["joins"]}, "profile.yaml")


def test_groups_are_counted_and_small_domains_put_together() -> None:
    rows = table([{"db_id": str(n), "question": "?"} for n in [*range(60), 7, 7]])
    groups = count_groups(rows, "read")
    assert sum(group["rows"] for group in groups) == 62
    assert groups[0].keys() == {"split", "language", "domain", "complexity", "rows"}
    assert {group["domain"]: group["rows"] for group in groups}[OTHERS] == 10
    assert {group["domain"]: group["rows"] for group in groups}["domain 7"] == 3
