from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from tasks.reporting import plots, tables
from tasks.reporting.history import History, read_history, remember
from tasks.reporting.html import history_pictures, render_page
from tasks.reporting.markdown import markdown_table, night_markdown, rows_markdown
from tasks.reporting.night import Night, NightRefs, read_night
from tasks.reporting.terminal import print_summary

VOID = {"meta", "img", "source", "br", "link", "input"}


class Page(HTMLParser):
    """Collects addresses, tags and text, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def night(night_refs: NightRefs) -> Night:
    return read_night(night_refs, 754.0)


@pytest.fixture
def history(tmp_path: Path, night: Night) -> History:
    for number in range(3):
        refs = night.refs.model_copy(update={"run_name": f"night-{number}"})
        remember(tmp_path, Night(**{**vars(night), "refs": refs}))
    return read_history(tmp_path)


def test_the_page_needs_nothing_else_and_tells_the_night(night: Night, history: History) -> None:
    text = render_page(night, history, history_pictures(history), most_examples=40)
    page = Page(text)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert sum(address.startswith("data:") for address in page.addresses) == 14  # seven plots, light and dark
    assert not {"script", "link"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "Promoted: v7 is better than base" in page.text
    decision = night.decision
    assert decision is not None
    for told in (*decision.reasons, decision.judge_note, night.refs.outcome, "10.2% (5–20)", "brave-otter"):
        assert told in page.text
    assert "domain 1: 퀘스트와 업적" in page.text
    assert "1,234.5" in page.text, "the predicted memory"
    assert "unknown column" in page.text
    assert "레벨이" in page.text
    assert "0.5 characters a token" in page.text


def test_a_question_cannot_write_into_the_page(night: Night, history: History) -> None:
    text = render_page(night, history, history_pictures(history), most_examples=60)
    assert "<script" not in text
    assert "&lt;script&gt;alert(" in text


def test_an_evaluation_alone_has_a_page_too(night: Night, tmp_path: Path) -> None:
    bare = {"challenger": None, "decision": None, "adapter": None, "merged_model": None, "parity": None, "outcome": ""}
    model = {"base": "some/model"}
    champion = night.refs.champion.model_copy(update={"verdicts": None})
    refs = night.refs.model_copy(update={**bare, "champion": champion, "config": {**night.refs.config, "model": model}})
    alone = read_night(refs, 10.0)
    remember(tmp_path, alone)
    page = Page(render_page(alone, read_history(tmp_path), {}, most_examples=3))
    assert "base was evaluated; no new model was trained." in page.text
    assert "No model was trained tonight." in page.text
    assert "No judge was asked tonight." in page.text
    assert "characters a token" not in page.text
    assert "challenger" not in night_markdown(alone, "page.html")


def test_a_night_told_twice_is_one_line(night: Night, tmp_path: Path) -> None:
    remember(tmp_path, night)
    remember(tmp_path, night)
    (line,) = (tmp_path / "history.jsonl").read_text("utf-8").splitlines()
    told = json.loads(line)
    assert (told["decision"], told["seconds"], told["models"]["challenger"]) == ("promote", 754.0, "v7")
    assert told["versions"]["torch"]
    history = read_history(tmp_path)
    table = history.accuracy.set_index("group")
    assert table.loc["en", ["rows", "ex_champion"]].tolist() == [40, 0.1]
    assert history.nights["run"].tolist() == ["brave-otter"]


def test_no_history_is_an_empty_one(tmp_path: Path) -> None:
    history = read_history(tmp_path)
    assert (len(history.nights), len(history.accuracy), history_pictures(history)) == (0, 0, {})


def test_every_plot_is_a_small_png_in_both_dresses(night: Night) -> None:
    rows = tables.composition(night.data)
    many = pd.concat(
        [rows.assign(domain=[f"{name} {n}" for name in rows["domain"]]) for n in range(8)], ignore_index=True
    )
    for dress in (plots.LIGHT, plots.DARK):
        drawn = [
            plots.accuracy(tables.comparison(night.models, "complexity"), dress),
            plots.accuracy(tables.comparison(night.models[:1], "language"), dress),
            plots.loss(night.losses, dress),
            plots.loss([(1, 2.0)], dress),
            plots.composition(many, plots.BEFORE_AND_AFTER, dress),
            plots.composition(many, plots.SPLIT, dress),
        ]
        assert all(png.startswith(b"\x89PNG") for png in drawn)
        assert max(map(len, drawn)) < 100_000


def test_the_rows_are_shown_before_and_after(night: Night) -> None:
    rows = tables.composition(night.data)
    assert set(rows["split"]) == {"read", "train", "eval"}
    assert "unknown" in set(rows["complexity"])  # an answer that is missing has no kind
    text = rows_markdown({**night.data, "rows": 96_250})
    assert text.startswith("# 96,250 rows read, 572 used")
    assert text.count("](data:image/png;base64,") == 2
    assert "Rows read and rows used by domain and kind of query (domain 1: 퀘스트와 업적)" in text
    few, many = (plots.composition(rows.assign(rows=n), plots.BEFORE_AND_AFTER) for n in (1, 20_000))
    assert few != many


def test_hangul_labels_never_reach_a_font(night: Night, recwarn: pytest.WarningsRecorder) -> None:
    plots.composition(tables.composition(night.data), plots.BEFORE_AND_AFTER)
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_the_page_tells_the_quarantine_and_what_changed_in_the_rows(night: Night, tmp_path: Path) -> None:
    page = render_page(night, read_history(tmp_path), {}, 3)
    assert "Quarantine by source" in page and "unknown column: levels; question is blank" in page
    assert "&lt;b&gt;Levels?&lt;/b&gt;" in page
    assert re.search(r"2 added,\s+1 removed, 1 changed, 0 moved", page)
    assert "SELECT boss FROM guilds" in page
    first = render_page(replace(night, data_changes=None), read_history(tmp_path), {}, 3)
    assert "the first rows of this store" in first


def test_the_markdown_artifact_is_modest(night: Night) -> None:
    text = night_markdown(night, "reports/latest.html")
    assert len(text) < 140_000
    assert text.startswith("# Promoted: v7 is better than base")
    assert "](data:image/png;base64," in text
    assert markdown_table(pd.DataFrame({"a|b": ["x|y"]})).splitlines()[-1] == "| x\\|y |"


def test_the_terminal_summary_fits_and_tells(night: Night) -> None:
    out = io.StringIO()
    print_summary(night, "reports/latest.html", file=out)
    told = out.getvalue()
    assert max(map(len, told.splitlines())) <= 100
    for part in ("Promoted: v7", "10.2% (5–20)", "+70.0", "<0.001", "Judge not trusted", "0 of 13 stages reused"):
        assert part in told
    assert "12 min 34 s" in told
