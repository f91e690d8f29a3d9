"""A Redis of the test's own, and processes that share it and the test's database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis as client
from django.db import connection
from django.utils import timezone

from tests.factories import ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.services import issuing

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = shutil.which("redis-server")


class Redis:
    """A server that can be hurt."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        assert PROGRAM is not None
        self.command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.start()

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.ask().ping()
            except client.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def ask(self) -> Any:
        return client.Redis(port=self.port)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


class Worker:
    """One process of a site."""

    def __init__(self, redis: Redis) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.redis.settings",
            "LIVE_DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "LIVE_REDIS": redis.address,
        }
        command = [sys.executable, "-m", "tests.redis.worker"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe)

    def do(self, *words: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def verdict(self, text: str) -> str:
        return str(self.do("verify", text)["verdict"])

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def redis(tmp_path):
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path)
    yield server
    server.send(signal.SIGCONT)
    server.kill()


@pytest.fixture
def workers(redis, transactional_db):
    """Return a function that starts processes."""
    started: list[Worker] = []

    def workers(number: int) -> list[Worker]:
        fresh = [Worker(redis) for _ in range(number)]
        started.extend(fresh)
        return fresh

    yield workers
    for worker in started:
        worker.end()


@pytest.fixture
def user(transactional_db):
    return UserFactory()


@pytest.fixture
def issue(user, settings):
    """Return a function that makes an access token of the user's."""
    settings.TOKEN_ISSUER = {
        **settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example", "SCOPES": {"reports:read": "Read reports"},
    }  # fmt: skip
    application = ApplicationFactory(slug="own", provider="own", ready=True)
    RuleFactory(application=application, privileges=["reports:read"])
    return lambda: issuing.issue(caller(user), "own", body={"scope": "reports:read"}, at=timezone.now())
