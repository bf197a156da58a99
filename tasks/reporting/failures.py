"""What to do when a night has failed, in words."""

from __future__ import annotations

import re

KEPT = "What was finished is kept in the store: a retry takes it from there and goes on where this run stopped."
AGAIN = "press *Retry* on the page of the run, or give the same command again. " + KEPT
RETRY = f"To go on, {AGAIN}"
KINDS = {
    "InputError": [
        "The message above names the setting, file or service that is wrong, and what was expected.",
        "If it is a parameter: start the run again with *Run > Custom run* and the corrected value, and correct it in "
        "`prefect.yaml` or the profile as well, so that the schedule has it too.",
        f"If it is a file, a key or a server: put it right, then {AGAIN}",
    ],
    "StageError": [
        "The message above tells which step could not finish, and why; the task run that failed has the log of it.",
        RETRY,
    ],
    "ParameterTypeError": [
        "The parameters do not fit the configuration: the message above names the key, what was found and what was "
        "expected.",
        "Start the run again with *Run > Custom run* and the corrected value; `python -m deployments.params PROFILE` "
        "prints parameters that fit.",
    ],
}
CRASHED = [
    "The process of the run ended from outside: the machine restarted, the worker was stopped, or memory ran out "
    "(status -9 or 137; the kernel's log tells).",
    "If it was memory: lower `training.batch_size` or `inference.batch_size`.",
    RETRY,
]
UNKNOWN = [
    "This is an error that the flows do not expect: the log below has the traceback. Disk space, memory and the "
    "network are the usual suspects; if it is none of them, it is a bug.",
    RETRY,
]


def error_of(message: str) -> tuple[str, str]:
    """The error's class and text in a Prefect state's message; the class is '' where it names none."""
    found = re.search(r"(?:^|exception:?\s+)(\w+(?:Error|Exception|Timeout|Interrupt))\b:?\s*(.*)", message, re.DOTALL)
    return (found[1], found[2].strip() or found[1]) if found else ("", message.strip())


def what_to_do(decision: str, kind: str) -> list[str]:
    """Steps for the one who reads of it.

    Args:
        decision: 'failed', 'crashed' or 'cancelled'.
        kind: class of the error, '' if it is not known.
    """
    if decision == "cancelled":
        return ["Somebody, or an automation, cancelled the run; its events tell who.", RETRY]
    if decision == "crashed":
        return CRASHED
    return KINDS.get(kind, UNKNOWN)
