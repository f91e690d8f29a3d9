"""Somebody at a browser: a session, the site's own origin, HTTPS, and Django's real CSRF check."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

ORIGIN = "https://testserver"
JSON = "application/json"


class Browser:
    """Speaks to the API. ``user`` is signed in, None is nobody."""

    def __init__(self, user: Any = None) -> None:
        self.client = Client(enforce_csrf_checks=True, headers={"Origin": ORIGIN})
        self.headers: dict[str, str] = {}
        if user is not None:
            self.client.force_login(user)
            self.headers["X-CSRFToken"] = self.get("applications/").json()["csrf_token"]

    def get(self, path: str, *, secure: bool = True, **headers: str) -> Any:
        """Send a GET."""
        return self.client.get(f"/issuer/{path}", secure=secure, headers=headers)

    def post(self, path: str, body: object = None, **headers: Any) -> Any:
        """Send a value as JSON; None sends no body."""
        return self.send(path, b"" if body is None else json.dumps(body), **headers)

    def send(self, path: str, data: bytes | str, *, kind: str = JSON, secure: bool = True, **headers: Any) -> Any:
        """Send a body as it is."""
        return self.client.post(
            f"/issuer/{path}", data, content_type=kind, secure=secure, headers={**self.headers, **headers}
        )

    def issue(self, slug: str = "rooms", **body: object) -> Any:
        """Ask for a token; without fields, for one that everybody may have."""
        return self.post(f"applications/{slug}/tokens/", body or {"roomId": "room-1"})
