"""Vendors on a port of this machine that do what no HTTP library would: a script for each connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Script = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Vendor:
    """What came in, connection by connection; each gets the next script, the last one for ever."""

    scripts: list[Script]
    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/path"

    def serve(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while not self.closing.is_set():
            with contextlib.suppress(OSError):
                connection, _peer = listener.accept()
                threading.Thread(target=self._talk, args=(connection, context), daemon=True).start()

    def _talk(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        with contextlib.suppress(OSError), connection:
            wrapped = context.wrap_socket(connection, server_side=True) if context else connection
            with wrapped:
                self.requests.append(received(wrapped))
                script(wrapped)

    def hang(self, connection: socket.socket) -> None:
        """Say no more until the test is over."""
        self.closing.wait(30)

    def begin(self, head: bytes) -> Script:
        """Send this much, and then say no more."""

        def script(connection: socket.socket) -> None:
            connection.sendall(head)
            self.hang(connection)

        return script


def received(connection: socket.socket) -> bytes:
    """Read one request whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    length = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while length and len(body) < length[0]:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(*pieces: bytes, pause: float = 0.0) -> Script:
    """Send pieces with a pause after each, and end the connection."""

    def script(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)

    return script


def drips(head: bytes, *, every: float = 0.02) -> Script:
    """Send the beginning at once, then a byte now and then, for ever."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(every)

    return script


@contextlib.contextmanager
def vendor(*scripts: Script, context: ssl.SSLContext | None = None) -> Iterator[Vendor]:
    """Serve on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Vendor(
            scripts=list(scripts) or [says(OK)],
            port=listener.getsockname()[1],
            scheme="https" if context else "http",
        )
        threading.Thread(target=made.serve, args=(listener, context), daemon=True).start()
        try:
            yield made
        finally:
            made.closing.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
