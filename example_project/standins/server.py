"""A server that answers as it is told and remembers what it was asked. It listens on this machine only."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came. ``path`` has its query; ``headers`` have lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  whatever was sent
        """Return the body read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. ``reason`` is the status line's phrase, the usual one if it is empty."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


class Silence(enum.Enum):
    """What a server in trouble does instead of answering."""

    HANG = "hang"  # it keeps the connection and says nothing, until the stand-in ends
    DROP = "drop"  # it ends the connection after it has read the request


def in_json(value: object, *, status: int = HTTPStatus.OK) -> Reply:
    """Return an answer in JSON."""
    return Reply(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


class StandIn:
    """A server in threads of its own, from ``with`` to its end. ``answer`` may be replaced while it runs."""

    def __init__(self, answer: Callable[[Asked], Reply | Silence], *, port: int = 0) -> None:
        """Listen on a port (0: any that is free)."""
        self.answer = answer
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    stand_in: StandIn

    def handle_error(self, *_args: object) -> None:
        """Say nothing: a client that went away is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        stand_in = cast("_Server", self.server).stand_in
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method=self.command, path=self.path, headers=headers, body=body)
        stand_in.asked.append(asked)
        reply = stand_in.answer(asked)
        self.close_connection = True
        if reply is Silence.HANG:
            stand_in.over.wait()
        if isinstance(reply, Reply):
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status, reply.reason or None)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, *_args: object) -> None:
        """Say nothing."""
