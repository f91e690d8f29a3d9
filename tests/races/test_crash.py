"""The server is killed while it hands out tokens: whatever a client got has its audit row."""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.middleware.csrf import _get_new_csrf_string

from tests.factories import ApplicationFactory, RuleFactory, UserFactory
from token_issuer.models import IssuedToken, RuleWindow

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

CLIENTS = 3
STARTS_WITHIN = 30  # seconds
LIMIT = 100_000  # never reached: it is there to be charged

_chance = random.SystemRandom()


@pytest.fixture
def cookies() -> str:
    """The cookies of somebody who is signed in, and of the site's own page."""
    user = UserFactory()
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}; csrftoken={_get_new_csrf_string()}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def mint_until_the_end(port: int, cookies: str, got: list[str]) -> None:
    """Ask for token after token; write down each before asking for the next. Ends with the server."""
    headers = {
        "Content-Type": "application/json",
        "Cookie": cookies,
        "X-CSRFToken": cookies.rpartition("=")[2],
        "X-Forwarded-Proto": "https",
        "Referer": f"https://127.0.0.1:{port}/",
    }
    body = json.dumps({"roomId": "abcd-efgh-ijkl"})
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                connection.request("POST", "/issuer/applications/rooms/tokens/", body, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            return
        assert response.status == HTTPStatus.CREATED, answer
        got.append(answer["token_id"])


def killed_while_minting(live_process: Callable, cookies: str) -> list[str]:
    """Run a server, have it mint for several clients at once, kill it at a moment of chance; return what they got."""
    port, got = free_port(), list[str]()
    with live_process("runserver", "--noreload", f"127.0.0.1:{port}") as server:
        # It logs every request; a full pipe would stop it.
        log = threading.Thread(target=server.stderr.read)
        log.start()
        deadline = time.monotonic() + STARTS_WITHIN
        while not answers(port) and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        clients = [threading.Thread(target=mint_until_the_end, args=(port, cookies, got)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        while len(got) < CLIENTS and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(_chance.uniform(0, 0.5))
        server.send_signal(signal.SIGKILL)
        for thread in (log, *clients):
            thread.join(timeout=30)
    return got


@pytest.mark.parametrize("round_", range(3))
def test_every_token_that_left_has_its_row(live_process, cookies, round_):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=LIMIT, window=86400)
    got = killed_while_minting(live_process, cookies)
    recorded = {str(key) for key in IssuedToken.objects.values_list("pk", flat=True)}
    assert len(got) >= CLIENTS
    assert set(got) <= recorded
    # Charged and recorded are one transaction: a kill in between leaves both or neither.
    assert sum(RuleWindow.objects.values_list("used", flat=True)) == len(recorded)
