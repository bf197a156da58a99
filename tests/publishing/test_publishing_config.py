"""A profile that would show a password to everybody is refused."""

from __future__ import annotations

import pytest

from tasks.common.errors import InputError
from tasks.config import NightlyConfig


def test_a_password_in_the_target_is_refused() -> None:
    with pytest.raises(InputError, match=r"publish\.target: .*a password does not belong into a URL") as told:
        NightlyConfig.read({"publish": {"target": "s3://me:hunter2@bucket/models"}}, "mine.yaml")
    assert "hunter2" not in str(told.value)
