"""VocalStack, as far as it was recorded: it makes tokens for an API key, and honours them once or until they expire.

    python -m example_project.standins.vocalstack --port 8101 [--mode refuse]

Paths, headers and answers are those of the recordings. What it does with a token is what the vendor documents: a
one-time token dies with its first request, and readonly ones may not transcribe. Browsers may call what takes tokens,
and nothing that takes the API key.
"""

from __future__ import annotations

import argparse
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal, cast, get_args
from urllib.parse import parse_qsl, urlsplit

from example_project.standins.server import Asked, Reply, Silence, StandIn, in_json

Mode = Literal["ok", "nested", "refuse", "fail", "hang", "garbage", "drop"]

API_KEY: Final = "vocalstack-key-of-the-stand-in"
GENERATE: Final = "/security/generate-token"
VERSION: Final = {"X-API-Version": "1.1.0"}
_BROWSERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, x-expected-api-version",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Max-Age": "600",
}


@dataclass(slots=True)
class Given:
    """A token that was made. ``expires_at`` is on the monotonic clock."""

    access: str
    one_time: bool
    expires_at: float
    uses: int = 0


class VocalStack(StandIn):
    """The vendor's server. ``mode`` may change while it runs; ``before`` is called before a token is made."""

    def __init__(
        self,
        *,
        port: int = 0,
        mode: Mode = "ok",
        api_key: str = API_KEY,
        before: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(self._answer, port=port)
        self.mode = mode
        self.api_key = api_key
        self.before = before
        self.given: dict[str, Given] = {}
        self._lock = threading.Lock()

    @property
    def orders(self) -> list[Asked]:
        """What asked for a token so far."""
        return [asked for asked in self.asked if urlsplit(asked.path).path == GENERATE]

    def _answer(self, asked: Asked) -> Reply | Silence:
        parts = urlsplit(asked.path)
        if parts.path == GENERATE:
            return self._make(asked, dict(parse_qsl(parts.query)))
        reply = Reply(status=HTTPStatus.NO_CONTENT) if asked.method == "OPTIONS" else self._use(asked)
        return Reply(status=reply.status, body=reply.body, headers={**VERSION, **reply.headers, **_BROWSERS})

    def _make(self, asked: Asked, options: dict[str, str]) -> Reply | Silence:
        if self.before is not None:
            self.before()
        match self.mode:
            case "hang":
                return Silence.HANG
            case "drop":
                return Silence.DROP
            case "garbage":
                return Reply(body=b"\x00\xff<html>", headers=VERSION)
            case "fail":
                return Reply(status=HTTPStatus.SERVICE_UNAVAILABLE, headers=VERSION)
        if self.mode == "refuse" or asked.headers.get("authorization") != self.api_key:
            return _refusal(HTTPStatus.UNAUTHORIZED)
        answer: dict[str, object] = {"status": "done", "data": self._given(options)}
        reply = in_json({"data": answer} if self.mode == "nested" else answer)
        return Reply(status=reply.status, body=reply.body, headers={**VERSION, **reply.headers})

    def _given(self, options: dict[str, str]) -> str:
        """Make a token; the defaults are the vendor's."""
        text = f"tok_{secrets.token_urlsafe(24)}"
        self.given[text] = Given(
            access=options.get("access", "readonly"),
            one_time=options.get("one_time", "true") == "true",
            expires_at=time.monotonic() + int(options.get("lifetime_s", "10")),
        )
        return text

    def _use(self, asked: Asked) -> Reply:
        token = self._taken(asked.headers.get("authorization", "").removeprefix("Bearer "))
        if token is None:
            return _refusal(HTTPStatus.UNAUTHORIZED)
        if asked.method == "GET":
            return in_json({"status": "done", "data": []})
        if token.access != "readwrite":
            return _refusal(HTTPStatus.FORBIDDEN)
        return in_json({"status": "processing", "data": {"id": secrets.token_hex(4)}})

    def _taken(self, text: str) -> Given | None:
        with self._lock:
            token = self.given.get(text)
            if token is None or time.monotonic() >= token.expires_at or (token.one_time and token.uses):
                return None
            token.uses += 1
            return token


def _refusal(status: HTTPStatus) -> Reply:
    reply = in_json({"message": "no"}, status=status)
    return Reply(status=status, body=reply.body, headers={**VERSION, **reply.headers})


def main() -> None:
    """Serve until it is interrupted."""
    parser = argparse.ArgumentParser(description="Stands in for VocalStack, on this machine only.")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument("--mode", choices=get_args(Mode), default="ok")
    parser.add_argument("--api-key", default=API_KEY, help="the key that it takes; it opens nothing else")
    chosen = parser.parse_args()
    with VocalStack(port=chosen.port, mode=cast("Mode", chosen.mode), api_key=chosen.api_key) as server:
        print(f"VocalStack's stand-in answers at {server.url}", flush=True)  # noqa: T201  it talks to a terminal
        threading.Event().wait()


if __name__ == "__main__":
    main()
