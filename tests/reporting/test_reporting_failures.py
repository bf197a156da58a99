from __future__ import annotations

import pytest

from tasks.reporting.failures import CRASHED, KINDS, UNKNOWN, error_of, what_to_do
from tasks.reporting.markdown import failure_markdown


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("Flow run encountered an exception: InputError: store: no such folder", "InputError", "store: no such folder"),
        ("Flow run encountered an exception: StageError: a\nb", "StageError", "a\nb"),
        ("Flow run encountered an exception: KeyError: 'x'", "KeyError", "'x'"),
        ("Flow run encountered an exception: MemoryError", "MemoryError", "MemoryError"),
        ("ParameterTypeError: bad: InputError: x", "ParameterTypeError", "bad: InputError: x"),
        ("The process exited with status code -9.", "", "The process exited with status code -9."),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_error_is_read_from_the_states_message(message: str, kind: str, text: str) -> None:
    assert error_of(message) == (kind, text)


@pytest.mark.parametrize(
    ("decision", "kind", "told"),
    [
        ("failed", "InputError", "Custom run"),
        ("failed", "StageError", "the task run that failed has the log"),
        ("failed", "ParameterTypeError", "deployments.params"),
        ("failed", "KeyError", "traceback"),
        ("crashed", "", "memory"),
        ("cancelled", "", "cancelled"),
    ],
)
def test_every_end_has_steps_of_its_own(decision: str, kind: str, told: str) -> None:
    steps = what_to_do(decision, kind)
    assert told in " ".join(steps)
    others = [*KINDS.values(), UNKNOWN, CRASHED]
    assert sum(steps == one for one in others) == (decision != "cancelled")


def test_the_artifact_tells_the_error_as_it_is_and_numbers_the_steps() -> None:
    text = failure_markdown("night-1 failed", "no `rows` in <b>", ["First.", "Then `this`."])
    assert text.startswith("# night-1 failed\n")
    assert "no \\`rows\\` in \\<b\\>" in text
    assert text.endswith("1. First.\n2. Then `this`.")
