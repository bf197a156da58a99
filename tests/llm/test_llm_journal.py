"""The journal with damaged lines; under kill -9 and two runs at once it is tested with the judge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tasks.llm.journal import Entry, Journal


class Note(Entry):
    text: str = ""


def note(key: str) -> Note:
    return Note(key=key, text="왜냐하면\nx")


def test_a_torn_last_line_is_cut_off_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "a" / "j.jsonl"
    Journal(path, Note).add(note("k1"))
    whole = path.read_bytes()
    for torn in (b'{"key"', b"x" * 10_000, whole[:-1]):
        path.write_bytes(whole + torn)
        assert Journal(path, Note).find("k1") == note("k1")
        assert path.read_bytes() == whole
    path.write_bytes(b'{"key"')
    Journal(path, Note)
    assert path.read_bytes() == b""


def test_a_line_torn_by_another_run_does_not_spoil_ours(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    book = Journal(path, Note)
    book.add(note("k1"))
    with path.open("ab") as stream:
        stream.write(b'{"key": "torn')
    book.add(note("k2"))
    assert book.find("k2") == note("k2")
    assert Journal(path, Note).find("k2") == note("k2")


def test_a_spoilt_line_in_the_middle_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    book = Journal(path, Note)
    for key in "abc":
        book.add(note(key))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], b"\xff\x00 not json", lines[2]]) + b"\n")
    book = Journal(path, Note)
    assert Counter(book.find(key) is not None for key in "abc") == {True: 2, False: 1}
