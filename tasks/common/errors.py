"""Errors a user can act on; everything else is a bug and keeps its traceback."""


class InputError(ValueError):
    """Bad input, told in one line that names the key, file or row and what was expected."""


class StageError(RuntimeError):
    """A stage could not finish (a child process failed, a deadline passed, a gate said no)."""
