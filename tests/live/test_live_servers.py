"""Several machines in small: two API processes and two workers on PostgreSQL and Redis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.operations.engines import share
from benchmarks.operations.servers import many_servers
from tasks.common.errors import InputError

pytestmark = pytest.mark.live


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_share_what_two_apis_are_asked_for(tmp_path: Path) -> None:
    try:
        with many_servers(tmp_path) as (servers, urls):
            servers.run(sys.executable, "-m", "deployments.apply", timeout_s=300)
            servers.run("prefect", "automation", "delete", "text2sql: new rows are trained on")  # no night here
            share(servers, urls, {"store": str(tmp_path / "store"), "data": {"train_rows": {"en": 20, "ko": 5}}})
    except InputError as error:
        if os.environ.get("T2S_REQUIRE_LIVE") == "1":
            raise
        pytest.skip(str(error))
