"""A server with an API key: HTTPS, one header, no cookies."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

JSON = "application/json"


class Server:
    """Speaks to the API with a key; ``client`` may hold somebody's cookies."""

    def __init__(self, key: Any, secret: str, *, client: Client | None = None) -> None:
        self.client = client or Client(enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Api-Key {key.public_id}.{secret}"}

    def get(self, path: str, **headers: str) -> Any:
        """Send a GET."""
        return self.client.get(f"/issuer/{path}", secure=True, headers={**self.headers, **headers})

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        """Send a value as JSON; None sends no body."""
        data = b"" if body is None else json.dumps(body)
        return self.client.post(
            f"/issuer/{path}", data, content_type=JSON, secure=True, headers={**self.headers, **headers}
        )

    def issue(self, slug: str = "rooms", **body: object) -> Any:
        """Ask for a token for a room."""
        return self.post(f"applications/{slug}/tokens/", {"roomId": "room-1"} | body)
