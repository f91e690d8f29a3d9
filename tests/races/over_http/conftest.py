"""A server with several worker processes, and many clients that ask it at the same moment."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, connections

from tests.conftest import ROOT

WORKERS = 3
THREADS_OF_A_WORKER = 20
CLIENTS = 50
STARTS_WITHIN = 30  # seconds


@dataclass(frozen=True)
class Call:
    """One POST, the same for every client of a round."""

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one client got."""

    status: int
    body: dict[str, Any]


Rounds = Callable[[Callable[[], Call], int], list[list[Answer]]]


@pytest.fixture
def served(transactional_db: None, tmp_path: Any) -> Iterator[Callable[..., int]]:
    """Start the site; returns its port. ``grace`` is REFRESH_GRACE in seconds."""
    running: list[subprocess.Popen[bytes]] = []

    def served(*, grace: int = 10) -> int:
        port = _free_port()
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.races.over_http.settings",
            "LIVE_DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "REFRESH_GRACE": str(grace),
        }
        command = [sys.executable, "-m", "gunicorn", "example_project.wsgi:application", "--worker-class", "gthread"]
        command += ["--workers", str(WORKERS), "--threads", str(THREADS_OF_A_WORKER), "--bind", f"127.0.0.1:{port}"]
        with (tmp_path / "server.log").open("wb") as log:
            running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        _wait_for(port, running[-1], tmp_path / "server.log")
        return port

    yield served
    for process in running:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def rounds() -> Callable[[int], Rounds]:
    """Return for a port what makes 50 clients POST one call at the same moment, so many times.

    A round's call is made right before it: what it carries may live for two minutes, and a slow machine needs more.
    """

    def at(port: int) -> Rounds:
        return lambda make, number: _in_rounds(port, make, number)

    return at


def _in_rounds(port: int, make: Callable[[], Call], rounds: int) -> list[list[Answer]]:
    answers: list[list[Answer | None]] = [[None] * CLIENTS for _ in range(rounds)]
    calls: list[Call] = []

    def next_call() -> None:
        """Run by one of the clients, when all of them have come."""
        try:
            calls.append(make())
        finally:
            connections.close_all()

    barrier = threading.Barrier(CLIENTS, action=next_call)

    def client(index: int) -> None:
        for number in range(rounds):
            barrier.wait(timeout=60)
            answers[number][index] = _posted(port, calls[number])

    threads = [threading.Thread(target=client, args=(index,)) for index in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    return [[answer or Answer(0, {"error": "no answer"}) for answer in round_] for round_ in answers]


def _posted(port: int, call: Call) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as link:
        link.request("POST", call.path, call.body, dict(call.headers))
        response = link.getresponse()
        text = response.read()
    try:
        return Answer(response.status, json.loads(text))
    except ValueError:
        return Answer(response.status, {"error": text[:200].decode(errors="replace")})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Any) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
