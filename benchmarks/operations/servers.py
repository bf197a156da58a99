"""Prefect's servers and workers in processes of their own: one on SQLite, or several on PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil

from benchmarks.operations.work import ROOT, environment
from tasks.common.errors import InputError
from tasks.common.turn import TRAINING

POSTGRES = os.environ.get("T2S_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
ANSWER_S = 180.0
BUSY = 10  # times that a busy server is asked, a second apart


class Processes:
    """Commands in the background, each with a log in `folder`, and all that they start.

    They are known by their PREFECT_HOME, whoever their parent is by now: `env` has to name one of their own.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.env = dict(env)
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, **more: str) -> None:
        """Start a command, with `more` in its environment."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.env, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL what was started as `name`, and nothing else."""
        self.started[name].kill()
        self.started.pop(name).wait()

    def run(self, *command: str, timeout_s: float = ANSWER_S) -> str:
        """Run a command to its end; returns what it printed.

        Raises:
            RuntimeError: it failed, or took too long; with what it printed and the ends of the logs.
        """
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{' '.join(command)} did not end in {timeout_s:.0f} s:\n{self.logs()}") from None
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stdout}\n{self.logs()}")
        return done.stdout

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = ANSWER_S) -> None:
        """Until it holds.

        Raises:
            RuntimeError: it does not in time; with the ends of the logs.
        """
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            with suppress(httpx.TransportError, OSError):
                if condition():
                    return
            time.sleep(0.2)
        raise RuntimeError(f"not in {timeout_s:.0f} s:\n{self.logs()}")

    def logs(self) -> str:
        """The ends of the logs."""
        return "\n".join(f"{log.name}: {log.read_text('utf-8')[-3000:]}" for log in self.folder.glob("*.log"))

    def living(self) -> Iterator[psutil.Process]:
        """Every process that runs in this environment, or was started here (Redis overwrites its environment)."""
        started = {process.pid for process in self.started.values() if process.poll() is None}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid in started or process.environ().get("PREFECT_HOME") == self.env["PREFECT_HOME"]:
                    yield process

    def stop(self) -> list[str]:
        """End all of it, asking first; returns the command lines of what ran without one of those started here."""
        family = [psutil.Process(process.pid) for process in self.started.values() if process.poll() is None]
        own = {one.pid for process in family for one in (process, *process.children(recursive=True))}
        left = [" ".join(process.cmdline()) for process in self.living() if process.pid not in own]
        for sign, wait_s in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            living = list(self.living())
            for process in living:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(sign)
            psutil.wait_procs(living, timeout=wait_s)
        for started in self.started.values():
            started.wait()
        return left


@contextmanager
def processes(folder: Path, env: Mapping[str, str]) -> Iterator[Processes]:
    """Commands in the background, ended with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    some = Processes(folder, env)
    try:
        yield some
    finally:
        some.stop()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


def answers(api_url: str) -> bool:
    """Whether a Prefect API is up."""
    return httpx.get(f"{api_url}/health", timeout=5).is_success


def start_run(api_url: str, deployment: str, parameters: Mapping[str, Any]) -> str:
    """Ask for a run of 'FLOW/DEPLOYMENT'; returns its id."""
    found = httpx.get(f"{api_url}/deployments/name/{deployment}", timeout=30).raise_for_status().json()
    asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    for _ in range(BUSY):  # 503: SQLite is locked by somebody else
        run = httpx.post(f"{api_url}/deployments/{found['id']}/create_flow_run", json=asked, timeout=30)
        if run.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(1)
    return str(run.raise_for_status().json()["id"])


def flow_run(api_url: str, run: str) -> dict[str, Any]:
    """One flow run."""
    record: dict[str, Any] = httpx.get(f"{api_url}/flow_runs/{run}", timeout=30).raise_for_status().json()
    return record


@contextmanager
def one_server(folder: Path) -> Iterator[Processes]:
    """One server on SQLite, as `prefect server start` makes it; PREFECT_API_URL is in the environment."""
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/api"
    with processes(folder, environment(folder / "prefect", PREFECT_API_URL=url)) as some:
        some.start("server", "prefect", "server", "start", "--port", port)
        some.wait_for(lambda: answers(url))
        some.run("prefect", "gcl", "create", TRAINING, "--limit", "1")
        yield some


@contextmanager
def many_servers(folder: Path) -> Iterator[tuple[Processes, list[str]]]:
    """Two API processes, one of background services, and two workers of the pool `local`, on PostgreSQL and Redis.

    Yields:
        The processes, and the addresses of the two APIs; the first one is in the environment.

    Raises:
        InputError: something that this needs is not on this machine.
    """
    if not shutil.which("redis-server"):
        raise InputError("no redis-server on this machine")
    redis_port = free_port()
    urls = [f"http://127.0.0.1:{free_port()}/api" for _ in range(2)]
    with _database() as database, processes(folder, environment(folder / "prefect", PREFECT_API_URL=urls[0])) as some:
        redis = f"redis://127.0.0.1:{redis_port}/0"
        some.env |= {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
            "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
            "PREFECT_REDIS_MESSAGING_URL": redis,
            "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": redis,
            "PREFECT_SERVER_DOCKET_URL": redis,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        save_nothing = ("--save", "", "--appendonly", "no", "--dir", str(folder))
        some.start("redis", "redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), *save_nothing)
        some.wait_for(lambda: _listens(redis_port))
        some.run("prefect", "server", "database", "upgrade", "-y")
        for number, url in enumerate(urls):
            port = str(urlsplit(url).port)
            some.start(f"api-{number}", "prefect", "server", "start", "--no-services", "--port", port)
            # The first one fills the new database with block types; a second one doing the same beside it fails.
            some.wait_for(partial(answers, url))
        some.start("services", "prefect", "server", "services", "start")
        for number, url in enumerate(urls):
            command = ("prefect", "worker", "start", "--pool", "local", "--type", "process", "--limit", "1")
            some.start(f"worker-{number}", *command, "--name", f"worker-{number}", PREFECT_API_URL=url)
        some.wait_for(lambda: _workers(urls[0]) == {"worker-0", "worker-1"})
        yield some, urls


def _workers(url: str) -> set[str]:
    found = httpx.post(f"{url}/work_pools/local/workers/filter", json={}, timeout=10)
    return {worker["name"] for worker in found.json()} if found.is_success else set()


@contextmanager
def _database() -> Iterator[str]:
    """A database of our own; yields its address as SQLAlchemy takes it."""
    name = f"t2s_operations_{os.getpid()}"
    try:
        _execute(f"CREATE DATABASE {name}")
    except OSError as error:
        raise InputError(f"no PostgreSQL at {POSTGRES}: {error}") from None
    try:
        address = urlsplit(POSTGRES)
        yield address._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


def _execute(sql: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(POSTGRES)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(execute())
