"""A small issuer on a port of its own: rotating refresh tokens with a grace, API keys, and trouble on demand.

It stands in for the server's side of ``docs/python-client.md``, so that the client is tested over real connections.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

API_KEY = "ak_0123456789abcdefghijAB"
LOGIN_KEY = "til_the-login-key"
API_SECRET = "tis_the-secret-of-the-api-key"

Trouble = Callable[["Handler"], None]


@dataclass
class Family:
    """A chain of refresh tokens."""

    generation: int = 0
    rotated_at: float = float("-inf")
    is_closed: bool = False


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    authorization: str
    body: str
    cookie: str

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body).items()}


@dataclass
class Issuer:
    """The issuer's state. ``clock`` is its own wall clock; ``trouble`` holds what happens to the next calls."""

    clock: Callable[[], float] = time.time
    life: float = 3600
    grace: float = 10.0
    latency: float = 0.0
    refresh_again: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    access: dict[str, tuple[float, str]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    trouble: deque[Trouble] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)
    address: str = ""

    # What a test asks for.

    def sign_in(self) -> str:
        """Return the first refresh token of a new family."""
        name = secrets.token_hex(8)
        self.families[name] = Family()
        return f"tir_{name}.0"

    def close(self, refresh_token: str) -> None:
        self.families[_family(refresh_token)].is_closed = True

    def generation(self, refresh_token: str) -> int:
        return self.families[_family(refresh_token)].generation

    def is_closed(self, refresh_token: str) -> bool:
        return self.families[_family(refresh_token)].is_closed

    def forget_access_tokens(self) -> None:
        self.access.clear()

    def calls(self, path: str) -> list[Seen]:
        """The requests to one path so far."""
        return [seen for seen in self.seen if seen.path.partition("?")[0] == path]

    @property
    def refreshes(self) -> list[Seen]:
        return self.calls("/issuer/oauth/token")

    # What the endpoints do.

    def refresh(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        name, _, text = refresh_token.removeprefix("tir_").partition(".")
        with self.lock:
            family, now = self.families.get(name), self.clock()
            if family is None or family.is_closed:
                return 400, {"error": "invalid_grant"}
            presented = int(text)
            if presented == family.generation:
                family.generation, family.rotated_at = presented + 1, now
            elif presented != family.generation - 1 or now >= family.rotated_at + self.grace:
                family.is_closed = True  # reuse
                return 400, {"error": "invalid_grant"}
            successor = {"refresh_token": f"tir_{name}.{presented + 1}"} if self.refresh_again else {}
            return 200, {**self.bearer(name), **successor}

    def bearer(self, family: str) -> dict[str, Any]:
        text = f"access.{secrets.token_urlsafe(24)}"
        self.access[text] = (self.clock() + self.life, family)
        return {"access_token": text, "token_type": "Bearer", "expires_in": self.life, "scope": "a b", **self.extra}

    def issue(self, slug: str, grant: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        pair = {"refresh_token": self.sign_in()} if slug == "own" else {}
        answer = self.bearer(_family(pair["refresh_token"]) if pair else "")
        token = answer.pop("access_token")
        facts = {"token_id": secrets.token_hex(8), "application": slug, "sdk": {"token": token, **grant}}
        return 201, {"token": token, **answer, **facts, **pair, "renew_in": None if slug == "once" else 0}

    def is_good(self, access_token: str) -> bool:
        expires_at, family = self.access.get(access_token, (0.0, ""))
        return self.clock() < expires_at and not (family in self.families and self.families[family].is_closed)


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets trouble have it, or answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written one after the other
    server: Server
    body = ""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        issuer = self.server.issuer
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = [self.headers.get(name, "") for name in ("Authorization", "Cookie")]
        issuer.seen.append(Seen(self.command, self.path, told[0], self.body, told[1]))
        time.sleep(issuer.latency)
        (issuer.trouble.popleft() if issuer.trouble else Handler.act)(self)

    def act(self) -> None:
        """Do what was asked, and say so."""
        self.answer(*self.done())

    def done(self) -> tuple[int, dict[str, Any]]:
        issuer = self.server.issuer
        path = self.path.partition("?")[0].removeprefix("/issuer/")
        if path.startswith("oauth/"):
            return self._oauth(issuer, path.removeprefix("oauth/"))
        if path == "one-time-keys/redeem/" and json.loads(self.body) == {"key": LOGIN_KEY}:
            return issuer.issue("own", {})
        if path.startswith("applications/") and self._may_issue(issuer):
            return issuer.issue(path.split("/")[1], json.loads(self.body))
        if path.startswith("/api/") and self._is_bearer(issuer):
            return 200, {"path": self.path, "body": self.body}
        return 401, {"error": "invalid_token"}

    def _oauth(self, issuer: Issuer, call: str) -> tuple[int, dict[str, Any]]:
        if call == "token":
            return self._token(issuer)
        token = self.form["token"]
        if call == "introspect":
            return 200, {"active": issuer.is_good(token)}
        if token.startswith("tir_"):
            issuer.close(token)
        issuer.access.pop(token, None)
        return 200, {}

    def _token(self, issuer: Issuer) -> tuple[int, dict[str, Any]]:
        basic = f"Basic {base64.b64encode(f'{API_KEY}:{API_SECRET}'.encode()).decode()}"
        if self.headers.get("Authorization", basic) != basic:
            return 401, {"error": "invalid_client"}
        if self.form["grant_type"] == "client_credentials":
            return 200, issuer.bearer("")
        return issuer.refresh(self.form["refresh_token"])

    def _may_issue(self, issuer: Issuer) -> bool:
        return self.headers.get("Authorization") == f"Api-Key {API_KEY}.{API_SECRET}" or self._is_bearer(issuer)

    def _is_bearer(self, issuer: Issuer) -> bool:
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and issuer.is_good(text)

    @property
    def form(self) -> dict[str, str]:
        return Seen("", "", "", self.body, "").form

    def answer(self, status: int, body: object, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Set-Cookie": "sessionid=1", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def cut(self) -> None:
        """Close the connection instead of an answer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.server.issuer.clock() if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = issuer

    def handle_error(self, request: object, client_address: object) -> None:
        """Somebody has gone; that is what some tests are about."""


@contextlib.contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    """Serve until the block ends."""
    with Server(issuer) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        issuer.address = f"http://127.0.0.1:{server.server_address[1]}/issuer/"
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def _family(refresh_token: str) -> str:
    return refresh_token.removeprefix("tir_").partition(".")[0]


# ----------------------------------------------------------------------------------------------------------- trouble


def lose_answer(handler: Handler) -> None:
    """Do what was asked; the line breaks before the answer."""
    handler.done()
    handler.cut()


def lose_request(handler: Handler) -> None:
    """The line breaks, and nothing was done."""
    handler.cut()


def answer_late(seconds: float) -> Trouble:
    """Do what was asked, and answer when nobody waits any more."""

    def trouble(handler: Handler) -> None:
        done = handler.done()
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            handler.answer(*done)

    return trouble


def say(status: int, body: object, **headers: str) -> Trouble:
    """Answer this, and do nothing."""
    return lambda handler: handler.answer(status, body, **headers)


def do_first(action: Callable[[], object], *, then: Trouble = Handler.act) -> Trouble:
    """Something happens while the request is on its way."""

    def trouble(handler: Handler) -> None:
        action()
        then(handler)

    return trouble
