from __future__ import annotations

import io
import json
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tasks.common.errors import InputError
from tasks.reporting import leaderboard_plots as plots
from tasks.reporting.html import Picture
from tasks.reporting.leaderboard import Leaderboard, make_leaderboard, read_leaderboard
from tasks.reporting.leaderboard_words import listed, plain_words, sentence
from tasks.reporting.markdown import leaderboard_markdown, plain
from tasks.reporting.plots import DARK, latin
from tasks.reporting.shown import digits
from tasks.reporting.terminal import print_leaderboard
from tasks.scoring.refs import Entry
from tasks.scoring.statistics import mcnemar_p, wilson_interval

HOSTILE = "<script>alert(1)</script> | $\\frac$ [b]*x*"
FAILED = {"too <big>": "out of memory: 15,300 MB needed\nsecond | line"}

Made = tuple[Leaderboard, dict[str, Picture], Path]


class Text(HTMLParser):
    """The text, tags and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def made(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("reports") / "leaderboard"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a sign that no font has is a warning
        board, pictures = make_leaderboard(entries, FAILED, 0.9, folder)
    return board, pictures, folder


def test_the_page_tells_everything_and_needs_nothing_else(made: Made) -> None:
    board, _, folder = made
    page = (folder / "leaderboard.html").read_text("utf-8")
    read = Text(page)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in read.addresses)
    assert sum(address.startswith("data:") for address in read.addresses) == 6  # three plots, light and dark
    assert "prefers-color-scheme: dark" in page
    assert board.sentence in read.text
    for told in (
        f"“{HOSTILE}” is better than every other entry.",
        "“base, 3 examples” is better than “base”.",
        "1 of the 6 differences may be chance.",
        "91.5% (82–96)",  # 54 of 59
        "0.025",  # 100 s at 0.90 dollars an hour
        "+81.4",  # 48 of 59 rows
        "48 / 0",
        "out of memory: 15,300 MB needed\nsecond | line",
        "en (40)",
        "window functions (10)",
        "entry 2: 어댑터 v7",
    ):
        assert told in read.text, told


def test_names_and_reasons_cannot_write_into_the_page(made: Made) -> None:
    page = (made[2] / "leaderboard.html").read_text("utf-8")
    assert "script" not in Text(page).tags
    assert "&lt;script&gt;alert(1)" in page
    assert "<big>" not in page
    assert "base | &lt;b&gt;" in page


def test_the_json_holds_every_figure_and_null_for_what_is_not_known(made: Made) -> None:
    figures = json.loads((made[2] / "leaderboard.json").read_text("utf-8"))
    first, *_, last = figures["entries"]
    assert [one["rank"] for one in figures["entries"]] == [1, 2, 3, 4]
    assert (first["name"], last["name"]) == (HOSTILE, "base")
    assert first["execution_accuracy"] == 54 / 59
    assert (first["execution_accuracy_low"], first["execution_accuracy_high"]) == wilson_interval(54, 59)
    assert first["usd_per_1000"] == pytest.approx(0.5)
    assert last["usd_per_1000"] == pytest.approx(0.025)
    assert (first["peak_mb"], last["first_token_s"], first["frontier"]) == (None, None, True)
    assert last["about"] == {"model": "base | <b>", "engine": "transformers"}
    assert len(figures["pairs"]) == 6
    assert figures["pairs"][2]["p"] == mcnemar_p(48, 0)
    assert figures["pairs"][2]["p_after_holm"] == pytest.approx(6 * mcnemar_p(48, 0))
    assert {line["group"] for line in figures["by_language"]} == {"en", "ko"}
    assert len(figures["by_complexity"]) == 4 * 6
    assert (figures["failed"], figures["usd_per_hour"]) == (FAILED, 0.9)


def test_the_plots_are_pngs_of_sensible_size(made: Made) -> None:
    _, pictures, folder = made
    assert sorted(path.stem for path in folder.glob("*.png")) == ["accuracy", "cost", "gains"]
    for name, picture in pictures.items():
        assert (folder / f"{name}.png").read_bytes() == picture.png
        for png in (picture.png, picture.png_dark):
            with Image.open(io.BytesIO(png)) as image:
                assert image.format == "PNG"
                assert image.width == 984
                assert 200 < image.height < 800
                assert len(image.convert("RGB").getcolors(1_000_000)) > 10, "something is drawn"
            assert len(png) < 60_000
        assert picture.png != picture.png_dark


def test_a_frame_marks_what_is_more_than_chance(made: Made) -> None:
    pairs = made[0].pairs.assign(better=["a", "a", "a", "b", "b", "c"], worse=["b", "c", "d", "c", "d", "d"])
    drawn = plots.gains(pairs, list("abcd"))
    assert drawn == plots.gains(pairs, list("abcd"))
    assert drawn != plots.gains(pairs.assign(more_than_chance=False), list("abcd"))


def test_the_frontier_is_drawn(made: Made) -> None:
    costs = made[0].costs.assign(name=list("abcd"))
    assert plots.cost(costs) != plots.cost(costs.assign(frontier=False))


def test_an_entry_without_a_price_is_told_and_not_drawn(entries: list[Entry], tmp_path: Path) -> None:
    silent = entries[0].predictions.model_copy(update={"counts": {}})
    board, pictures = make_leaderboard(
        [entries[0].model_copy(update={"predictions": silent}), entries[1]], {}, 1, tmp_path
    )
    assert "Not drawn, as they have no price: base" in pictures["cost"].says
    assert board.costs.set_index("name").loc["base"].isna().sum() == 5
    assert "NaN" not in (tmp_path / "leaderboard.json").read_text("utf-8")
    _, free = make_leaderboard(entries[:1], {}, 0, tmp_path / "free")
    assert set(free) == {"accuracy"}  # nothing costs anything, and a log axis has no 0


def test_a_single_entry_has_no_pairs(entries: list[Entry], tmp_path: Path) -> None:
    board, pictures = make_leaderboard(entries[:1], {}, 0.9, tmp_path)
    assert board.sentence == "“base” has an execution accuracy of 10.2%; there is no other entry to compare it with."
    assert set(pictures) == {"accuracy", "cost"}
    read = Text((tmp_path / "leaderboard.html").read_text("utf-8"))
    assert "There is one entry, and so no pair." in read.text
    assert "Who is shown to be better" not in read.text
    assert "None." in read.text  # failed


def test_without_an_entry_there_is_no_leaderboard(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one entry"):
        make_leaderboard([], FAILED, 0.9, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_sentence_says_whether_the_lead_may_be_chance(entries: list[Entry]) -> None:
    ahead = read_leaderboard(entries, {}, 1).sentence
    assert ahead == f"“{HOSTILE}” is ahead with 91.5%, which is more than chance against every other entry."
    close = read_leaderboard(entries[:3], {}, 1)
    assert close.sentence == "“어댑터 v7” is ahead with 52.5%, but its lead over “base, 3 examples” may be chance."
    assert close.words[-1] == "1 of the 3 differences may be chance."
    alike = [entries[1], entries[1].model_copy(update={"name": "the same"})]
    assert (board := read_leaderboard(alike, {}, 1)).sentence == (
        "“base, 3 examples” and “the same” share the first place with 50.8%."
    )
    assert board.words == ["No difference between two entries is shown to be more than chance."]


def test_words_name_every_entry_that_is_beaten() -> None:
    standings = pd.DataFrame({"rank": [1, 2, 3], "name": ["a", "b", "c"], "ex": [0.9, 0.5, 0.4]})
    pairs = pd.DataFrame({"better": ["a", "a", "b"], "worse": ["b", "c", "c"], "more_than_chance": [False, True, True]})
    assert sentence(standings, pairs) == "“a” is ahead with 90.0%, but its lead over “b” may be chance."
    assert plain_words(standings, pairs) == [
        "“a” is better than “c”.", "“b” is better than “c”.", "1 of the 3 differences may be chance.",
    ]  # fmt: skip
    assert listed(["a", "b", "c"]) == "“a”, “b” and “c”"


def test_the_markdown_shows_names_as_they_are(made: Made) -> None:
    board, pictures, _ = made
    text = leaderboard_markdown(board, pictures, "/reports/leaderboard.html")
    assert text.startswith("# “\\<script\\>alert(1)")
    assert not re.search(r"(?<!\\)<\w", text)
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(table) == 2 + 4
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert text.count("](data:image/png;base64,") == 3
    assert "- too \\<big\\> failed: out of memory: 15,300 MB needed second \\| line" in text
    assert text.endswith("`/reports/leaderboard.html`")
    assert len(text) < 140_000
    assert plain("a\n[x](y) `z`") == r"a \[x\](y) \`z\`"


def test_the_terminal_table_fits_and_tells(made: Made) -> None:
    out = io.StringIO()
    print_leaderboard(made[0], "leaderboard.html", file=out)
    told = out.getvalue()
    assert max(map(len, told.splitlines())) <= 100
    for part in (HOSTILE, "91.5% (82–96)", "0.025", "어댑터 v7", "too <big> failed", "may be chance"):
        assert part in told, part


def test_labels_can_be_drawn_and_differ() -> None:
    long = "a name of more than fifty-six signs, which no label can hold "
    names = pd.Series(["base", "어댑터", f"{long}1", f"{long}2", "two\nlines", "3 × 2"])
    drawn = plots.drawable(names)
    assert list(drawn) == list(names)
    assert [drawn["base"], drawn["어댑터"], drawn["two\nlines"], drawn["3 × 2"]] == [
        "base",
        "entry 2",
        "entry 5",
        "3 × 2",
    ]
    assert len(set(drawn.values())) == 6
    assert max(map(len, drawn.values())) == 56
    assert latin(["x" * 40], "domain") == ["x" * 27 + "…"]


def test_many_entries_at_one_place_are_drawn(made: Made) -> None:
    crowd = pd.concat([made[0].costs.iloc[1:2].assign(name=f"entry {n}") for n in range(30)])
    assert plots.cost(crowd, DARK).startswith(b"\x89PNG")


def test_digits_are_three_without_an_exponent() -> None:
    assert [digits(one) for one in (1234.5, 99.96, 0.00001234, 2.0, 0.0, float("nan"))] == [
        "1,234", "100", "0.0000123", "2", "0", "–",
    ]  # fmt: skip
