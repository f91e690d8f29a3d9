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
from django.db import connection

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


Rounds = Callable[[list[Call]], list[list[Answer]]]


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
    """Return for a port what makes 50 clients POST each call at the same moment, one call after the other."""

    def at(port: int) -> Rounds:
        return lambda calls: _in_rounds(port, calls)

    return at


def _in_rounds(port: int, calls: list[Call]) -> list[list[Answer]]:
    answers: list[list[Answer | None]] = [[None] * CLIENTS for _ in calls]
    barrier = threading.Barrier(CLIENTS)

    def client(index: int) -> None:
        for number, call in enumerate(calls):
            barrier.wait(timeout=60)
            answers[number][index] = _posted(port, call)

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
