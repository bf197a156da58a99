"""The guard that the whole-night test relies on does see attempts, in children and in their children."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Addresses set aside for documentation: nothing answers there, and nothing is sent to them here.
CONNECTS = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
LOOKS_UP = "import socket; socket.getaddrinfo('example.invalid', 443)"
SENDS = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"
REQUESTS = "import urllib.request; urllib.request.urlopen('http://example.invalid/', timeout=2)"
STAYS = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("localhost", server.getsockname()[1])).close()
left, right = socket.socketpair()
left.sendall(b"x")
"""


def attempts(env: dict[str, str]) -> list[dict[str, object]]:
    log = Path(env["T2S_OUTSIDE_LOG"])
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("code", [CONNECTS, LOOKS_UP, SENDS, REQUESTS])
def test_a_child_that_reaches_out_is_refused_and_noted(code: str, guarded_env: dict[str, str]) -> None:
    child = subprocess.run([sys.executable, "-c", code], env=guarded_env, capture_output=True, text=True)
    assert child.returncode != 0
    assert "tests reach no other machine" in child.stderr
    (noted,) = attempts(guarded_env)
    assert "192.0.2.1" in str(noted["to"]) or noted["to"] == "example.invalid"
    assert noted["stack"]


def test_a_grandchild_that_swallows_the_error_is_noted(guarded_env: dict[str, str]) -> None:
    inner = f"try:\n    {LOOKS_UP}\nexcept OSError:\n    pass"
    outer = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {inner!r}]).returncode)"
    assert subprocess.run([sys.executable, "-c", outer], env=guarded_env).returncode == 0
    assert [noted["event"] for noted in attempts(guarded_env)] == ["socket.getaddrinfo"]


def test_what_stays_on_this_machine_is_let_through(guarded_env: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", STAYS], env=guarded_env, check=True)
    assert attempts(guarded_env) == []
